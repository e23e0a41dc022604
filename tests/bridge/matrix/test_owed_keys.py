"""A restart during another server's outage: its people are given what they missed all the same, and nothing before."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nio.crypto.sessions import OlmAccount

from bridge.matrix.client import NioHomeserver
from bridge.matrix.homeserver import KnownRoom
from bridge.matrix.keystore import KeyStore
from bridge.matrix.late_keys import Debts, RoomKey
from bridge.matrix.login import BotAccount
from bridge.matrix.owed_keys import OwedKeys
from tests.bridge.matrix.crowd import Crowd
from tests.bridge.matrix.test_who_gets_keys import ADA, BEN, BOT, CLEO, ROOM, Room
from tests.clock import TurnedClock
from tests.live.world import Seeds
from tests.stand_in import MEGOLM

TABLET = (CLEO, "TABLET")


class House:
    """The bot in a room with Ada, Ben and Cleo, who is on another server; started again on the same key store."""

    def __init__(self, crowd: Crowd, folder: Path, clock: TurnedClock) -> None:
        self.file = folder / "keys.db"
        self._keys, self._seeds = KeyStore(self.file, secrets.token_bytes(32)), Seeds()
        self._crowd, self._clock, self._cursor = crowd, clock, "0"
        self._started: list[NioHomeserver] = []

    async def start(self) -> Room:
        """What was in memory before is gone."""
        account = BotAccount(homeserver=self._crowd.url, user_id=BOT, device_id="DEVICE", access_token="token")
        bot = await NioHomeserver.start(account, self._keys, self._seeds, clock=self._clock)
        bot.remember([KnownRoom(ROOM, {"algorithm": MEGOLM})])
        self._started.append(bot)
        return Room(self._crowd, bot, self._clock)

    async def close(self) -> None:
        for bot in self._started:
            await bot.close()


@pytest.fixture
async def house(tmp_path: Path, clock: TurnedClock) -> AsyncIterator[House]:
    crowd = Crowd(us=BOT)
    async with crowd.serving():
        crowd.rooms[ROOM] = {ADA, BEN, CLEO}
        for user in (ADA, BEN, CLEO):
            crowd.add(user)
        house = House(crowd, tmp_path, clock)
        yield house
        await house.close()


async def given_late(room: Room) -> None:
    sharing = room.bot._speaking.sharing
    await sharing.catch_up(room.bot._rooms[ROOM])
    assert not sharing.debts


@pytest.mark.parametrize("renewed", [False, True], ids=["the session spoken under", "an older session"])
async def test_what_was_missed_is_given_after_a_restart_too(house: House, renewed: bool) -> None:
    room = await house.start()
    before = await room.say()
    room.crowd.silent.add("away")
    tablet = room.crowd.add(*TABLET)
    await room.changed(CLEO)
    missed = [await room.say()]
    if renewed:
        await room.membership(BEN, "leave")
        missed.append(await room.say())

    cursor, room = room.cursor, await house.start()
    room.cursor = cursor
    assert room.bot._speaking.sharing.debts.people(ROOM) == {CLEO}
    room.crowd.silent.clear()
    await given_late(room)
    assert [tablet.reads(event) for event in (before, *missed)] == [False, *(True for _ in missed)]
    session = room.bot._machine.outbound(ROOM)
    assert session is not None and TABLET in session.holders, "who leaves with it makes the room a new key"

    again = await house.start()
    assert not again.bot._speaking.sharing.debts, "it is given once"


def test_what_is_owed_is_sealed_and_goes_when_it_is_settled(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.db", secrets.token_bytes(32)).open(BOT, "DEVICE")
    store.save_account(OlmAccount())
    kept = OwedKeys(store)
    kept.keep(ROOM, "one", {CLEO: "k1", BEN: "k2"})
    kept.keep(ROOM, "two", {CLEO: "k3"})
    kept.keep(ROOM, "one", {CLEO: "k1"})
    rows = store.ask("SELECT * FROM owedkeys").fetchall()
    assert not any(CLEO in str(cell) or "k1" in str(cell) for row in rows for cell in row)
    debts = Debts(OwedKeys(store))
    debts.load(lambda _: None)
    assert [owed.keys for owed in debts.of(ROOM)] == [{CLEO: RoomKey("one", "k1")}, {CLEO: RoomKey("two", "k3")}]
    debts.only(ROOM, {ADA})
    assert list(kept.load()) == []
    store.close()
