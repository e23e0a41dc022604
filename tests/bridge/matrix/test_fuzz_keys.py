"""Whatever is answered about other people's keys: Ada's are learned all the same, and she is written to."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.matrix.connection import Connection
from bridge.matrix.homeserver import HomeserverError
from bridge.matrix.late_keys import RoomKey
from bridge.matrix.screening import MEGOLM, OLM
from bridge.matrix.signing import SigningKey
from bridge.matrix.their_keys import TheirKeys
from tests.bridge.matrix.odd_json import JUNK, USERS, mostly, shaped, written
from tests.bridge.matrix.olm_people import ADA, BEN, BOT, EVE, PHONE, ROOM, Device, machine
from tests.clock import TurnedClock

CASES = 10_000 if os.environ.get("HEARTH_SOAK") else 500
DEVICES = st.sampled_from([PHONE, "OTHER", "", "\0", "\ud800", "x" * 300])
KEY = st.sampled_from(["A" * 43, "garbage!!", "", "é" * 43, "A" * 44, "A" * 10_000, SigningKey(b"1" * 32).public])
SIGNATURES = mostly(st.dictionaries(USERS, mostly(st.dictionaries(st.just(f"ed25519:{PHONE}"), KEY)), max_size=2))
KEYS = st.dictionaries(st.sampled_from([f"ed25519:{PHONE}", f"curve25519:{PHONE}", "ed25519:"]), mostly(KEY))
DEVICE = shaped(
    user_id=USERS,
    device_id=DEVICES,
    algorithms=st.just([OLM, MEGOLM]),
    keys=KEYS,
    signatures=SIGNATURES,
    unsigned=JUNK,
)
SIGNED = st.builds(
    lambda name, changes, keys: signed(name, changes, keys),
    st.sampled_from([PHONE, "OTHER", ""]),
    st.dictionaries(st.sampled_from(["algorithms", "device_id", "user_id", "more"]), st.integers() | st.text()),
    KEYS,
)
"""By the device itself, and so as good as any; whatever it says."""
CROSS = shaped(user_id=USERS, usage=mostly(st.just(["master"])), keys=KEYS, signatures=SIGNATURES)
FAILURES = mostly(st.dictionaries(st.sampled_from(["test", "other.test", ""]), JUNK, max_size=2))
QUERY = shaped(
    device_keys=st.dictionaries(USERS, mostly(st.dictionaries(DEVICES, SIGNED | DEVICE, max_size=2)), max_size=3),
    master_keys=mostly(st.dictionaries(USERS, CROSS, max_size=2)),
    self_signing_keys=mostly(st.dictionaries(USERS, CROSS, max_size=2)),
    failures=FAILURES,
)
ONE_TIME = shaped(key=KEY, signatures=SIGNATURES, fallback=st.booleans())
NAMED = st.dictionaries(st.sampled_from(["signed_curve25519:AAAA", "curve25519:AAAA", ""]), ONE_TIME, max_size=2)
CLAIM = shaped(
    one_time_keys=st.dictionaries(USERS, mostly(st.dictionaries(DEVICES, mostly(NAMED), max_size=2)), max_size=3),
    failures=FAILURES,
)


def signed(name: str, changes: dict[str, Any], keys: dict[str, Any]) -> dict[str, Any]:
    own = SigningKey(b"2" * 32)
    usual = {f"ed25519:{name}": own.public, f"curve25519:{name}": SigningKey(b"3" * 32).public}
    plain = {"user_id": EVE, "device_id": name, "algorithms": [OLM], "keys": usual | keys} | changes
    try:
        return plain | {"signatures": {EVE: {f"ed25519:{name}": own.sign(plain)}}}
    except (ValueError, TypeError):
        return plain


@dataclass
class Server:
    """Answers what it was told to."""

    query: str = "{}"
    claim: str = "{}"

    async def answer(self, request: Request) -> Response:
        text = self.query if request.path.endswith("query") else self.claim
        return Response(body=text.encode("utf-8", "surrogatepass"), content_type="application/json")


@dataclass
class Asking:
    bot: Device
    ada: Device
    their_keys: TheirKeys
    server: Server = field(default_factory=Server)

    async def learn(self) -> None:
        """Ask for everybody's keys anew, and begin with every device there is; what goes wrong is one of ours."""
        everybody = {ADA, BEN, EVE}
        self.their_keys.changed(everybody)
        self.their_keys._in_peace_until.clear()
        self.bot.machine.session_store._entries.pop(self.key_of_ada, None)
        try:
            await self.their_keys.know(everybody)
            await self.their_keys.open_sessions((user, PHONE) for user in everybody)
        except HomeserverError:
            return

    async def learns_ada(self) -> None:
        """From an answer as it should be."""
        self.server.query, self.server.claim = json.dumps(self.ada.keys), self.one_time
        await self.learn()
        device = self.bot.machine.device_store[ADA][PHONE]
        assert not device.deleted
        assert self.bot.machine.wrap_room_key(ROOM, RoomKey("id", "key"), device) is not None

    def __post_init__(self) -> None:
        self.key_of_ada = self.ada.machine.account.identity_keys["curve25519"]
        self.one_time = json.dumps(self.ada.take_one_time_key())

    def kept(self) -> int:
        m, their = self.bot.machine, self.their_keys
        devices = sum(map(len, m.device_store._entries.values())) + len(m.device_store._entries)
        sessions = sum(map(len, m.session_store.values())) + len(m.session_store._entries)
        mine = (value for value in vars(their).values() if isinstance(value, dict | set | list))
        return devices + sessions + sum(map(len, mine)) + len(m.wedged_devices) + len(m.outgoing_to_device_messages)


@pytest.fixture
async def asking(tmp_path: Path, clock: TurnedClock) -> AsyncIterator[Asking]:
    bot, ada, server, application = (
        Device(machine(tmp_path, BOT)),
        Device(machine(tmp_path, ADA)),
        Server(),
        Application(),
    )
    application.router.add_post("/{path:.*}", server.answer)
    async with TestServer(application) as running:
        connection = Connection(str(running.make_url("")), clock=clock)
        their_keys = TheirKeys(bot.machine, connection, clock)
        yield Asking(bot, ada, their_keys, server)
        await their_keys.close()
        await connection.close()
    for device in (bot, ada):
        device.machine.store.close()


@settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(query=QUERY, claim=CLAIM)
@example(query={"device_keys": {}, "failures": True}, claim={})
@example(query={}, claim={"one_time_keys": {}, "failures": "all"})
async def test_whatever_is_answered_about_keys_adas_are_learned_from_the_next_answer(
    asking: Asking, query: Any, claim: Any
) -> None:
    asking.server.query, asking.server.claim = written(query), written(claim)
    await asking.learn()
    await asking.learns_ada()
    assert asking.kept() < 2_000


@settings(
    max_examples=CASES // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(device=SIGNED | DEVICE, one_time=NAMED)
async def test_what_stands_beside_adas_keys_costs_her_nothing(asking: Asking, device: Any, one_time: Any) -> None:
    beside = {EVE: {PHONE: device}, BEN: device}
    asking.server.query = written({"device_keys": beside | asking.ada.keys["device_keys"]})
    asking.server.claim = written(
        {"one_time_keys": {EVE: {PHONE: one_time}} | json.loads(asking.one_time)["one_time_keys"]}
    )
    await asking.learn()
    device = asking.bot.machine.device_store[ADA][PHONE]
    assert asking.bot.machine.wrap_room_key(ROOM, RoomKey("id", "key"), device) is not None
