"""Say something in an encrypted room, once: the act's id is the transaction id and travels inside the content.

nio refuses to speak in rooms it has not synced, lets parallel sends share keys twice, and hangs for ever where a
key share failed. Here a room's sends come one after another, and a failure fails that send alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.matrix.changing import NOT_ENCRYPTED
from bridge.matrix.connection import Connection, needed, path
from bridge.matrix.hardened import Machine, Malformed, NoKey
from bridge.matrix.homeserver import ACT_KEY, Rejected, Sent
from bridge.matrix.known import Rooms
from bridge.matrix.line import Request
from bridge.matrix.sharing import Sharing
from facilitator.ids import ActId, EventId, MatrixRoomId

PAGES_BACK = 10
PER_PAGE = 100


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
            body = self._encrypted(room, dict(content) | {ACT_KEY: act})
            address = path("rooms", room, "send", "m.room.encrypted", act)
            answer = await self.connection.put(address, body, kind=granted)
        return Sent(EventId(needed(answer, "event_id", str)), shared.withheld, shared.reached)

    def _encrypted(self, room: MatrixRoomId, content: dict[str, Any]) -> dict[str, Any]:
        """A relation is repeated outside: homeservers gather threads and replies by it."""
        sealed: dict[str, Any] = self.machine.group_encrypt(room, {"type": "m.room.message", "content": content})
        relation = content.get("m.relates_to")
        return sealed | ({"m.relates_to": relation} if relation else {})

    async def find_sent(self, room: MatrixRoomId, act: ActId, since: str | None) -> EventId | None:
        query = {"dir": "b", "limit": str(PER_PAGE)} | ({"to": since} if since else {})
        for _ in range(PAGES_BACK):
            answer = await self.connection.get(path("rooms", room, "messages"), query)
            for event in needed(answer, "chunk", list):
                if self._carries(room, event, act):
                    return EventId(event["event_id"])
            if not answer.get("end"):
                break
            query["from"] = answer["end"]
        return None

    def _carries(self, room: MatrixRoomId, event: Mapping[str, Any], act: ActId) -> bool:
        if event.get("type") != "m.room.encrypted" or event.get("sender") != self.machine.user_id:
            return False
        if not event.get("content"):  # redacted
            return False
        try:
            opened = self.machine.read(room, event)
        except (NoKey, Malformed):
            return False
        return opened.content.get(ACT_KEY) == act

    async def redact(self, room: MatrixRoomId, event_id: EventId, act: ActId) -> None:
        await self.connection.put(path("rooms", room, "redact", event_id, act), {}, kind="redact")
