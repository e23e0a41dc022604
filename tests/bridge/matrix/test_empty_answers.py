"""Something that is no homeserver may answer with 200: what it does not say is not taken for a yes, a no or nobody."""

import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.matrix import changing, gaps, login
from bridge.matrix.connection import Connection
from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import KnownRoom, TryLater, Urgency
from bridge.matrix.identity import Identity
from bridge.matrix.keystore import KeyStore
from bridge.matrix.known import Rooms
from bridge.matrix.line import Request
from bridge.matrix.listening import Listening
from bridge.matrix.looking import Finder
from bridge.matrix.our_keys import OurKeys
from bridge.matrix.sharing import Sharing
from bridge.matrix.speaking import Speaking
from bridge.matrix.their_keys import TheirKeys
from facilitator.ids import ActId, MatrixRoomId, RoomId, UserId
from tests.bridge.matrix.conftest import Server
from tests.clock import TurnedClock
from tests.live.world import ENCRYPTION, Seeds, room_step

BOT, ADA, ROOM, ACT = UserId("@hearth:test"), UserId("@ada:test"), MatrixRoomId("!room:test"), ActId("act")


@dataclass
class Parts:
    """The client's parts on a connection to a server that says nothing."""

    connection: Connection
    machine: Machine
    clock: TurnedClock
    url: str

    @property
    def their_keys(self) -> TheirKeys:
        return TheirKeys(self.machine, self.connection, self.clock)

    @property
    def our_keys(self) -> OurKeys:
        return OurKeys(self.machine, self.connection)

    @property
    def listening(self) -> Listening:
        return Listening(self.machine, self.connection, Rooms(), self.our_keys, self.their_keys)

    async def speak(self, joined: set[str] | None) -> Any:
        rooms = Rooms()
        rooms.remember([KnownRoom(ROOM, ENCRYPTION)])
        rooms[ROOM].joined = joined
        sharing = Sharing(self.machine, self.connection, self.their_keys, only_signed=True)
        return await Speaking(self.machine, self.connection, rooms, sharing).send(
            ROOM, ACT, {"body": "hello"}, Request("send", ACT, Urgency.REPLY)
        )

    async def find_sent(self) -> Any:
        sharing = Sharing(self.machine, self.connection, self.their_keys, only_signed=True)
        return await Speaking(self.machine, self.connection, Rooms(), sharing).find_sent(ROOM, ACT, None)


@pytest.fixture
def parts(connection: Connection, server: Server, clock: TurnedClock, tmp_path: Path) -> Iterator[Parts]:
    machine = Machine(BOT, "DEVICE", KeyStore(tmp_path / "k.db", secrets.token_bytes(32)).open(BOT, "DEVICE"))
    yield Parts(connection, machine, clock, server.url)
    machine.store.close()


ASKED: dict[str, Callable[[Parts], Awaitable[Any]]] = {
    "sign in": lambda p: login.login_once(p.url, user_id=BOT, password="x", clock=p.clock),
    "make a room": lambda p: changing.create(p.connection, room_step()),
    "find our rooms": lambda p: Finder(p.connection, BOT).find(RoomId("marker")),
    "listen": lambda p: p.listening.listen("here", timedelta()),
    "fill a gap": lambda p: gaps.fill(p.connection, ROOM, back_from="b", to="a", types=[], budget=gaps.Budget()),
    "speak": lambda p: p.speak(set()),
    "learn who is there": lambda p: p.speak(None),
    "look for what was said": lambda p: p.find_sent(),
    "publish our keys": lambda p: p.our_keys.publish(),
    "ask for devices": lambda p: p.their_keys.know({ADA}),
    "see our own device": lambda p: Identity(p.machine, p.connection, Seeds()).check(),
}


@pytest.mark.parametrize("body", [{}, {"status": "starting"}])
@pytest.mark.parametrize("asking", ASKED.values(), ids=ASKED.keys())
async def test_an_answer_that_holds_nothing_is_no_answer(
    server: Server, parts: Parts, asking: Callable[[Parts], Awaitable[Any]], body: Any
) -> None:
    server.says(200, body)
    with pytest.raises(TryLater, match="not Matrix"):
        await asking(parts)


async def test_keys_are_uploaded_again_when_nobody_took_them(server: Server, parts: Parts) -> None:
    with pytest.raises(TryLater):
        await parts.our_keys.publish()
    assert not parts.machine.account.shared
    server.says(200, {"one_time_key_counts": {"signed_curve25519": 50}})
    await parts.our_keys.publish()
    assert parts.machine.account.shared
    assert len(server.asked) == 2
