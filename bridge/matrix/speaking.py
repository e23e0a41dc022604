"""Say something in an encrypted room, once: the act's id is the transaction id and travels inside the content.

nio refuses to speak in rooms it has not synced, lets parallel sends share keys twice, and hangs for ever where a
key share failed. Here a room's sends come one after another, and a failure fails that send alone.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bridge.matrix.changing import NOT_ENCRYPTED
from bridge.matrix.connection import Connection, needed, path
from bridge.matrix.hardened import Machine, Malformed, NoKey
from bridge.matrix.homeserver import ACT_KEY, CannotTell, Rejected, Sent, TryLater
from bridge.matrix.known import Rooms
from bridge.matrix.line import Request
from bridge.matrix.sharing import AGAIN, Sharing
from facilitator.ids import ActId, EventId, MatrixRoomId

PAGES_BACK = 10
PER_PAGE = 100
CLOCKS_DIFFER = timedelta(hours=1)
"""By so much at most, it is taken, does the homeserver's clock differ from ours."""


@dataclass
class Search:
    """Our own words in a room, from the newest back to `earliest` (ms), for the one that carries an act."""

    machine: Machine
    room: MatrixRoomId
    act: ActId
    earliest: float
    ended: bool = False
    unread: set[EventId] = field(default_factory=set)

    def among(self, events: Iterable[Any]) -> EventId | None:
        for event in events:
            if event.get("type") != "m.room.encrypted" or event.get("sender") != self.machine.user_id:
                continue
            if event.get("origin_server_ts", 0) < self.earliest:
                self.ended = True
                return None
            if self._carries(event):
                return EventId(event["event_id"])
        return None

    def _carries(self, event: Mapping[str, Any]) -> bool:
        try:
            opened = self.machine.read(self.room, event) if event.get("content") else None  # None: redacted
        except (NoKey, Malformed):
            opened = None
        if opened is None:
            self.unread.add(EventId(event["event_id"]))
            return False
        return opened.content.get(ACT_KEY) == self.act


@dataclass(frozen=True)
class Speaking:
    machine: Machine
    connection: Connection
    rooms: Rooms
    sharing: Sharing

    async def send(self, room: MatrixRoomId, act: ActId, content: Mapping[str, Any], turn: Request) -> Sent:
        """`turn`: as what it stands in line; asked for first, so that nothing is encrypted in vain."""
        if room not in self.rooms or not self.rooms[room].encrypted:
            raise Rejected(NOT_ENCRYPTED)
        known = self.rooms[room]
        async with known.turn:
            granted = self.connection.pace.admit(turn)
            shared = await self.sharing.ready(known)
            if self.machine.outbound(room) is None:
                raise TryLater("we have left the room meanwhile", AGAIN)
            body = self._encrypted(room, dict(content) | {ACT_KEY: act})
            address = path("rooms", room, "send", "m.room.encrypted", act)
            answer = await self.connection.put(address, body, kind=granted)
        return Sent(EventId(needed(answer, "event_id", str)), shared.withheld, shared.reached)

    def _encrypted(self, room: MatrixRoomId, content: dict[str, Any]) -> dict[str, Any]:
        """A relation is repeated outside: homeservers gather threads and replies by it."""
        sealed: dict[str, Any] = self.machine.group_encrypt(room, {"type": "m.room.message", "content": content})
        relation = content.get("m.relates_to")
        return sealed | ({"m.relates_to": relation} if relation else {})

    async def find_sent(
        self, room: MatrixRoomId, act: ActId, since: str | None, tried: datetime | None = None
    ) -> EventId | None:
        search = Search(self.machine, room, act, 0.0 if tried is None else (tried - CLOCKS_DIFFER).timestamp() * 1000)
        only = {"senders": [self.machine.user_id], "types": ["m.room.encrypted"]}
        query = {"dir": "b", "limit": str(PER_PAGE), "filter": json.dumps(only)} | ({"to": since} if since else {})
        for _ in range(PAGES_BACK):
            answer = await self.connection.get(path("rooms", room, "messages"), query)
            if (found := search.among(needed(answer, "chunk", list))) is not None:
                return found
            if search.ended or not answer.get("end"):
                search.ended = True
                break
            query["from"] = answer["end"]
        if tried is not None and (search.unread or not search.ended):
            raise CannotTell(search.unread, whole=search.ended)
        return None

    async def redact(self, room: MatrixRoomId, event_id: EventId, act: ActId) -> None:
        await self.connection.put(path("rooms", room, "redact", event_id, act), {}, kind="redact")
