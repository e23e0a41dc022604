"""The mark that tells the latest key store from an old copy of it."""

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response

from bridge.matrix.connection import Connection
from bridge.matrix.generation import EVERY, Generation
from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import Overtaken, Rejected, TryLater
from bridge.matrix.keystore import KeyStore
from bridge.matrix.our_keys import OurKeys
from tests.bridge.matrix.conftest import Server
from tests.cast import BOT
from tests.clock import TurnedClock


class AccountData:
    """One account's data, and a line that may lose answers."""

    def __init__(self) -> None:
        self.mark: str | None = None
        self.written = 0
        self.loses_answers = False

    async def answer(self, request: Request) -> Response:
        if request.method == "PUT":
            self.mark, self.written = (await request.json())["mark"], self.written + 1
        if self.loses_answers:
            return Response(status=502)
        if self.mark is None:
            return Response(status=404, text=json.dumps({"errcode": "M_NOT_FOUND"}), content_type="application/json")
        return Response(text=json.dumps({"mark": self.mark}), content_type="application/json")


@dataclass
class Kept:
    marks: list[str] = field(default_factory=list)
    was: list[list[str]] = field(default_factory=list)

    async def keep_marks(self, marks: Sequence[str]) -> None:
        self.marks = list(marks)
        self.was.append(self.marks)


@dataclass
class Device:
    """A key store's file, and the process that has opened it."""

    path: Path
    key: bytes
    connection: Connection
    clock: TurnedClock
    kept: Kept = field(default_factory=Kept)
    opened: list[Machine] = field(default_factory=list)

    def start(self) -> Generation:
        machine = Machine(BOT, "DEVICE", KeyStore(self.path, self.key).open(BOT, "DEVICE"))
        self.opened.append(machine)
        return Generation(machine, self.connection, self.kept, self.clock)

    def has_shown_its_keys(self) -> None:
        machine = self.opened[-1]
        machine.account.shared = True
        machine.save_account()

    def copied(self) -> "Device":
        for machine in self.opened:
            machine.store.to_disk()
        copy = self.path.with_name(f"{secrets.token_hex(4)}.db")
        for end in ("", "-wal"):
            file = self.path.with_name(self.path.name + end)
            if file.exists():
                copy.with_name(copy.name + end).write_bytes(file.read_bytes())
        return Device(copy, self.key, self.connection, self.clock, opened=self.opened)


@pytest.fixture
async def server_data() -> AsyncIterator[tuple[AccountData, str]]:
    data, application = AccountData(), Application()
    application.router.add_route("*", "/{path:.*}", data.answer)
    async with TestServer(application) as running:
        yield data, str(running.make_url(""))


@pytest.fixture
def data(server_data: tuple[AccountData, str]) -> AccountData:
    return server_data[0]


@pytest.fixture
async def device(server_data: tuple[AccountData, str], clock: TurnedClock, tmp_path: Path) -> AsyncIterator[Device]:
    connection = Connection(server_data[1], "token", clock=clock)
    made = Device(tmp_path / "k.db", secrets.token_bytes(32), connection, clock)
    yield made
    for machine in made.opened:
        machine.store.close()
    await connection.close()


async def begun(device: Device) -> Generation:
    generation = device.start()
    await generation.check()
    await generation.begin()
    device.has_shown_its_keys()
    return generation


async def test_every_start_leaves_a_mark_of_its_own_noted_before_it_is_written(
    device: Device, data: AccountData
) -> None:
    await begun(device)
    first = data.mark
    await begun(device)
    assert first not in (None, data.mark)
    assert device.kept.marks == [data.mark]
    assert device.kept.was == [[first], [first], [first, data.mark], [data.mark]]


async def test_an_old_copy_is_refused_now_and_ever_after(device: Device) -> None:
    await begun(device)
    old = device.copied()
    await begun(device)
    for _ in range(2):
        with pytest.raises(Overtaken):
            await old.start().check()
    await begun(device)


async def test_a_copy_that_is_still_the_latest_takes_over_and_the_first_hears_of_it(device: Device) -> None:
    first = await begun(device)
    copy = device.copied()
    second = await begun(copy)
    with pytest.raises(Overtaken):
        await first.keep_up()
    await second.keep_up()
    with pytest.raises(Overtaken):
        await device.start().check()
    assert device.kept.marks == []


async def test_it_moves_on_now_and_then_so_that_no_old_copy_stays_the_latest(
    device: Device, data: AccountData, clock: TurnedClock
) -> None:
    generation = await begun(device)
    copy, written = device.copied(), data.written
    await generation.keep_up()
    assert data.written == written
    clock.turn(EVERY)
    await generation.keep_up()
    await generation.keep_up()
    assert data.written == written + 1
    with pytest.raises(Overtaken):
        await copy.start().check()


@pytest.mark.parametrize("begins_anew", [False, True])
async def test_a_mark_whose_writing_has_an_unknown_end_is_known_either_way(
    device: Device, data: AccountData, clock: TurnedClock, begins_anew: bool
) -> None:
    generation = await begun(device)
    before = data.mark
    data.loses_answers = True
    with pytest.raises(TryLater):
        await generation.begin()
    data.loses_answers = False
    for shown in (before, data.mark):
        data.mark = shown
        generation = device.start() if begins_anew else generation
        await (generation.check() if begins_anew else generation.keep_up())
    await generation.begin()
    assert device.kept.marks == [data.mark]


async def test_a_device_that_never_showed_its_keys_cannot_be_old(device: Device, data: AccountData) -> None:
    data.mark = "of the device before"
    await device.start().check()


async def test_a_store_from_before_there_were_marks_begins_where_nobody_has(device: Device, data: AccountData) -> None:
    device.start()
    device.has_shown_its_keys()
    await device.start().check()
    data.mark = "somebody else's"
    with pytest.raises(Overtaken):
        await device.start().check()


async def test_a_mark_that_is_none_is_nobodys(device: Device, server: Server, clock: TurnedClock) -> None:
    device.start()
    device.has_shown_its_keys()
    for body in ({}, {"mark": 7}, {"mark": None}):
        server.says(200, body)
        connection = Connection(server.url, "token", clock=clock)
        await Generation(device.opened[-1], connection, device.kept, clock).check()
        await connection.close()


# ------------------------------------------------------------------------------------- the same finding, by its keys


async def test_a_one_time_key_that_was_given_before_means_these_keys_are_not_the_latest(
    device: Device, server: Server, connection: Connection
) -> None:
    device.start()
    error = "One time key signed_curve25519:AAAAAQ already exists. Old key: {}; new key: {}"
    server.says(400, {"errcode": "M_UNKNOWN", "error": error})
    keys = OurKeys(device.opened[-1], connection)
    with pytest.raises(Overtaken):
        await keys.keep_up({}, None)
    server.says(400, {"errcode": "M_UNKNOWN"})
    await keys.keep_up({}, None)
    with pytest.raises(Rejected):
        await keys.publish()
