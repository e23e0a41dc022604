"""One answer of the homeserver to "what is new?", made whole: keys taken in, gaps filled, everything read.

nio moves its place in the stream before the events are handled. Ours is only handed back with them: whoever stores
it in the same transaction as its effects hears everything at least once, and asking again gives the same events.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bridge.heard import Heard, InvitedUs, Sync
from bridge.matrix import events, gaps
from bridge.matrix.connection import Connection, needed, path
from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import Rejected
from bridge.matrix.known import Rooms
from bridge.matrix.our_keys import OurKeys
from bridge.matrix.their_keys import TheirKeys
from facilitator.ids import MatrixRoomId, UserId

TIMELINE = 50
AT_ONCE = 8
News = list[tuple[MatrixRoomId, list[Any]]]
NOTHING = {"not_types": ["*"]}
LEFT_OUT = ["m.reaction", "m.call.*", "org.matrix.msc3401.call.member", "org.matrix.msc4143.rtc.member"]


def _filter(*, timeline: int, state: Mapping[str, Any]) -> str:
    """Presence, typing, receipts and account data are most of a sync and nothing to us."""
    talk = {"limit": timeline, "not_types": LEFT_OUT}
    room = {"timeline": talk, "state": state, "ephemeral": NOTHING, "account_data": NOTHING}
    return json.dumps({"room": room, "presence": NOTHING, "account_data": NOTHING})


FROM_NOW_ON = {"filter": _filter(timeline=1, state={"types": ["m.room.encryption"]}), "timeout": "0"}
WHAT_IS_NEW = {"filter": _filter(timeline=TIMELINE, state={"not_types": LEFT_OUT})}


@dataclass
class Listening:
    machine: Machine
    connection: Connection
    rooms: Rooms
    our_keys: OurKeys
    their_keys: TheirKeys
    _since: str | None = None
    _arrived: set[tuple[MatrixRoomId, str]] = field(default_factory=set, repr=False)

    @property
    def reader(self) -> events.Reader:
        return events.Reader(self.machine)

    async def listen(self, since: str | None, wait: timedelta) -> Sync:
        if since is None:
            query = FROM_NOW_ON
        else:
            query = WHAT_IS_NEW | {"since": since, "timeout": str(int(wait.total_seconds() * 1000))}
        answer = await self.connection.get(path("sync"), query, wait=wait)
        next_batch = needed(answer, "next_batch", str)
        await self._take_in_keys(answer, since)
        news = await self._news(answer, since)
        return Sync(
            next_batch=next_batch,
            events=await self._heard(news) if since else (),
            invitations=self._invitations(answer),
            keys_arrived=frozenset(self._arrived),
            ours=self._ours(answer, since),
            devices_changed=_people(_part(answer, "device_lists", "changed")),
        )

    async def _heard(self, news: News) -> tuple[Heard, ...]:
        await self.their_keys.know_speakers({sender for _, raw in news for sender in events.encrypted_senders(raw)})
        heard = (self.reader.heard(room, event) for room, raw in news for event in raw)
        return tuple(said for said in heard if said is not None)

    async def _take_in_keys(self, answer: Mapping[str, Any], since: str | None) -> None:
        """A key is taken in once, however often its answer comes; what arrived is named again until the cursor moves
        on, for whoever could not store the effects the first time."""
        if since != self._since:
            self._since = since
            self._arrived.clear()
        self._arrived |= self.machine.receive(_part(answer, "to_device", "events") or [])
        self.their_keys.changed(_part(answer, "device_lists", "changed") or [])
        self.their_keys.changed(_part(answer, "device_lists", "left") or [])
        counts = answer.get("device_one_time_keys_count") or {}
        await self.our_keys.keep_up(counts, answer.get("device_unused_fallback_key_types"))
        await self.their_keys.mend()

    async def _news(self, answer: Mapping[str, Any], since: str | None) -> News:
        """The events of each room in its own order. What we know of the rooms is brought up to date with them."""
        limit = asyncio.Semaphore(AT_ONCE)

        async def whole(room: MatrixRoomId, told: Mapping[str, Any]) -> tuple[MatrixRoomId, list[Any]]:
            async with limit:
                return room, await self._whole(room, told, since)

        joined = _part(answer, "rooms", "join") or {}
        left = _part(answer, "rooms", "leave") or {}
        told = [*joined.items(), *left.items()]
        news = await asyncio.gather(*(whole(MatrixRoomId(room), content) for room, content in told))
        for room in joined:
            self._update(MatrixRoomId(room), joined[room])
        for room in left:
            self.rooms.forget(MatrixRoomId(room))
        return news

    async def _whole(self, room: MatrixRoomId, told: Mapping[str, Any], since: str | None) -> list[Any]:
        timeline = told.get("timeline") or {}
        newest = list(timeline.get("events") or [])
        if not (since and timeline.get("limited") and timeline.get("prev_batch")):
            return newest
        try:
            missed, complete = await gaps.fill(
                self.connection, room, back_from=timeline["prev_batch"], to=since, leave_out=LEFT_OUT
            )
        except Rejected:  # we were removed, or the history is gone: what is left is all there is
            missed, complete = [], False
        state = _part(told, "state", "events") or []
        earlier = missed if complete or room not in self.rooms else [*state, *missed]
        seen = {event.get("event_id") for event in newest}
        return [event for event in earlier if event.get("event_id") not in seen] + newest

    def _update(self, room: MatrixRoomId, told: Mapping[str, Any]) -> None:
        known = self.rooms[room]
        for event in [*(_part(told, "state", "events") or []), *(_part(told, "timeline", "events") or [])]:
            if isinstance(event, dict) and "state_key" in event:
                known.hear(event)

    def _invitations(self, answer: Mapping[str, Any]) -> tuple[InvitedUs, ...]:
        invited = (_part(answer, "rooms", "invite") or {}).items()
        read = (events.invited_us(MatrixRoomId(room), content, self.machine.user_id) for room, content in invited)
        return tuple(invitation for invitation in read if invitation is not None)

    def _ours(self, answer: Mapping[str, Any], since: str | None) -> dict[MatrixRoomId, str]:
        """Where our own membership changed, and to what; without a cursor, every room we are in."""
        if since is None:
            return {MatrixRoomId(room): "join" for room in _part(answer, "rooms", "join") or {}}
        ours: dict[MatrixRoomId, str] = {}
        for standing in ("join", "leave"):
            for room, told in (_part(answer, "rooms", standing) or {}).items():
                mine = [event for event in self._state_of(told) if event.get("state_key") == self.machine.user_id]
                if mine or standing == "leave":
                    said = mine[-1].get("content", {}).get("membership") if mine else standing
                    ours[MatrixRoomId(room)] = said if isinstance(said, str) else standing
        return ours

    @staticmethod
    def _state_of(told: Mapping[str, Any]) -> list[dict[str, Any]]:
        both = [*(_part(told, "state", "events") or []), *(_part(told, "timeline", "events") or [])]
        return [event for event in both if isinstance(event, dict) and event.get("type") == "m.room.member"]


def _people(listed: Any) -> frozenset[UserId]:
    return frozenset(UserId(user) for user in listed or () if isinstance(user, str))


def _part(answer: Mapping[str, Any], *names: str) -> Any:
    for name in names:
        answer = answer.get(name) or {}
    return answer
