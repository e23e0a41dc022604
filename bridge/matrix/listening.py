"""One answer of the homeserver to "what is new?", made whole: keys taken in, gaps filled, everything read.

nio moves its place in the stream before the events are handled. Ours is only handed back with them: whoever stores
it in the same transaction as its effects hears everything at least once, and asking again gives the same events.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice

from bridge.heard import Heard, InvitedUs, StateChanged, Sync
from bridge.matrix import events, gaps
from bridge.matrix.connection import AFTER_A_FAULT, Connection, TooMuch, path
from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import Rejected, TheirFault, TryLater
from bridge.matrix.known import Rooms
from bridge.matrix.our_keys import OurKeys
from bridge.matrix.their_keys import TheirKeys
from bridge.matrix.told import Json, Told, ToldRoom, told
from facilitator.ids import MatrixRoomId, UserId

TIMELINE = 50
"""Events of a room with one answer; of an answer that is too large, a seventh, and then one. The rest is walked back
for."""
AT_ONCE = 8
TRIES = 8
"""How often a question that only helps us understand an answer may fail before the answer is taken without it: no
room whose history a homeserver cannot show, and nobody's keys, may keep us from hearing everybody else."""
KEYS_NAMED = 5_000
News = list[tuple[MatrixRoomId, list[Json]]]
NOTHING = {"not_types": ["*"]}
TALK = ("m.room.message", "m.room.encrypted")
STATE = (
    "m.room.avatar", "m.room.canonical_alias", "m.room.create", "m.room.encryption", "m.room.guest_access",
    "m.room.history_visibility", "m.room.join_rules", "m.room.member", "m.room.name", "m.room.power_levels",
    "m.room.server_acl", "m.room.tombstone", "m.room.topic",
)  # fmt: skip
"""What we look after. Whoever may set state can set it of any type, thousands at a time; of others we are not told."""


def _filter(*, timeline: int, talk: Iterable[str], state: Iterable[str]) -> str:
    """Presence, typing, receipts and account data are most of a sync and nothing to us."""
    newest = {"limit": timeline, "types": [*talk, *state]}
    room = {"timeline": newest, "state": {"types": [*state]}, "ephemeral": NOTHING, "account_data": NOTHING}
    return json.dumps({"room": room, "presence": NOTHING, "account_data": NOTHING})


FROM_NOW_ON = {"filter": _filter(timeline=1, talk=(), state=["m.room.encryption"]), "timeout": "0"}


@dataclass
class Listening:
    machine: Machine
    connection: Connection
    rooms: Rooms
    our_keys: OurKeys
    their_keys: TheirKeys
    _since: str | None = None
    _timeline: int = TIMELINE
    _arrived: set[tuple[MatrixRoomId, str]] = field(default_factory=set, repr=False)
    _shown: dict[UserId, str] = field(default_factory=dict, repr=False)
    _failures: Counter[str] = field(default_factory=Counter, repr=False)

    @property
    def reader(self) -> events.Reader:
        return events.Reader(self.machine)

    async def listen(self, since: str | None, wait: timedelta) -> Sync:
        new = told(await self._answer(since, wait))
        if new.next_batch is None:
            raise TryLater("the answer is not Matrix", AFTER_A_FAULT)
        if since is None:
            self.rooms.begin_anew()
            self.their_keys.begin_anew()
        await self._take_in_keys(new, since)
        news = await self._news(new, since)
        heard = await self._heard(news) if since else ()
        self._shown |= {UserId(user): key for user, key in self.their_keys.identities.items()}
        self.their_keys.identities.clear()
        return Sync(
            next_batch=new.next_batch,
            events=heard,
            invitations=self._invitations(new),
            keys_arrived=frozenset(self._arrived),
            ours=self._ours(new, since),
            identities=dict(self._shown),
            devices_changed=frozenset(UserId(user) for user in new.devices_changed),
        )

    async def _answer(self, since: str | None, wait: timedelta) -> Json:
        query = FROM_NOW_ON
        if since is not None:
            what_is_new = _filter(timeline=self._timeline, talk=TALK, state=STATE)
            query = {"filter": what_is_new, "since": since, "timeout": str(int(wait.total_seconds() * 1000))}
        try:
            answer = await self.connection.get(path("sync"), query, wait=wait)
        except TooMuch:
            self._timeline = max(1, self._timeline // 7)
            raise
        self._timeline = TIMELINE
        return answer

    async def invitations(self) -> tuple[InvitedUs, ...]:
        """Every invitation that stands open. Our place in the stream stays where it is."""
        new = told(await self.connection.get(path("sync"), FROM_NOW_ON))
        if new.next_batch is None:
            raise TryLater("the answer is not Matrix", AFTER_A_FAULT)
        return self._invitations(new)

    async def _heard(self, news: News) -> tuple[Heard, ...]:
        senders = {sender for _, raw in news for sender in events.encrypted_senders(raw)}
        try:
            await self.their_keys.know_speakers(senders)
            self._failures.pop("devices", None)
        except (Rejected, TryLater) as error:
            if not self._may_fail("devices", error):
                raise
        return tuple(said for room, raw in news for said in self._said(room, raw))

    def _said(self, room: MatrixRoomId, raw: list[Json]) -> list[Heard]:
        told = events.told_once([said for event in raw if (said := self.reader.heard(room, event)) is not None])
        return [self._expected(said) if isinstance(said, StateChanged) else said for said in told]

    def _expected(self, said: StateChanged) -> StateChanged:
        known = said.room in self.rooms and said.event_id in self.rooms[said.room].shown
        return replace(said, expected=known)

    def _may_fail(self, what: str, error: Exception) -> bool:
        """Whether to do without what could not be asked for: it has put us off often enough, and without a success."""
        self._failures[what] += 1
        if isinstance(error, TryLater) and self._failures[what] < TRIES:
            return False
        self.machine.faults["left_undone"] += 1
        return True

    async def _on_the_side(self, doing: Awaitable[None]) -> None:
        """What comes round again with the next answer by itself: no reason not to hear this one."""
        try:
            await doing
        except (Rejected, TryLater):
            self.machine.faults["left_undone"] += 1

    async def _take_in_keys(self, new: Told, since: str | None) -> None:
        """A key is taken in once, however often its answer comes; what arrived is named again until the cursor moves
        on, for whoever could not store the effects the first time."""
        if since != self._since:
            self._since = since
            self._arrived.clear()
            self._shown.clear()
        arrived = self.machine.receive(new.to_device) - self._arrived
        self._arrived |= set(islice(arrived, max(0, KEYS_NAMED - len(self._arrived))))
        self.their_keys.changed(new.devices_changed | new.devices_left)
        await self._on_the_side(self.our_keys.keep_up(new.one_time_keys, new.unused_fallback))
        await self._on_the_side(self.their_keys.mend())

    async def _news(self, new: Told, since: str | None) -> News:
        """The events of each room in its own order. What we know of the rooms is brought up to date with them."""
        limit, budget = asyncio.Semaphore(AT_ONCE), gaps.Budget()

        async def whole(room: MatrixRoomId, content: ToldRoom) -> tuple[MatrixRoomId, list[Json]]:
            async with limit:
                return room, await self._whole(room, content, since, budget)

        both = [*new.joined.items(), *new.left.items()]
        news = await asyncio.gather(*(whole(room, content) for room, content in both))
        for room, content in new.joined.items():
            for event in content.all_state:
                self.rooms[room].hear(event)
            if self._just_made(content):  # whoever made it looks at it next
                mine = (event for event in content.timeline if event.get("sender") == self._us)
                self.rooms[room].shown |= {str(event.get("event_id")) for event in mine}
        for room in new.left:
            self.rooms.forget(room)
            self.machine.forget_outbound(room)
            self._failures.pop(room, None)
        self.rooms.keep()
        return news

    async def _whole(self, room: MatrixRoomId, content: ToldRoom, since: str | None, budget: gaps.Budget) -> list[Json]:
        newest = content.timeline
        if since is None or content.gap_from is None or _from_the_beginning(newest):
            return newest
        try:
            missed, complete = await gaps.fill(
                self.connection, room, back_from=content.gap_from, to=since, types=[*TALK, *STATE], budget=budget
            )
            self._failures.pop(room, None)
        except (Rejected, TheirFault) as error:  # we were removed, or the history is gone, or cannot be shown
            if not self._may_fail(room, error):
                raise
            missed, complete = [], False
        earlier = missed if complete or room not in self.rooms else [*content.state, *missed]
        seen = [event.get("event_id") for event in newest]
        return [event for event in earlier if event.get("event_id") not in seen] + newest

    def _invitations(self, new: Told) -> tuple[InvitedUs, ...]:
        read = (events.invited_us(room, state, self.machine.user_id) for room, state in new.invited.items())
        return tuple(invitation for invitation in read if invitation is not None)

    def _ours(self, new: Told, since: str | None) -> dict[MatrixRoomId, str]:
        """Where our own membership changed, and to what; without a cursor, every room we are in. A room we have just
        made is none that we came into."""
        if since is None:
            return dict.fromkeys(new.joined, "join")
        joined = {room: content for room, content in new.joined.items() if not self._just_made(content)}
        changed = {room: standing for room, content in joined.items() if (standing := self._mine(content))}
        return changed | {room: self._mine(content) or "leave" for room, content in new.left.items()}

    def _mine(self, content: ToldRoom) -> str | None:
        mine = self._memberships(content)
        return events.membership(mine[-1]) if mine else None

    def _memberships(self, content: ToldRoom) -> list[Json]:
        return [e for e in content.all_state if (e.get("type"), e["state_key"]) == ("m.room.member", self._us)]

    def _just_made(self, content: ToldRoom) -> bool:
        """By us, and we have not been away since: we come back into rooms of our making as well."""
        created = any(e.get("type") == "m.room.create" and e.get("sender") == self._us for e in content.timeline)
        return created and len(self._memberships(content)) == 1

    @property
    def _us(self) -> str:
        user: str = self.machine.user_id
        return user


def _from_the_beginning(timeline: Iterable[Json]) -> bool:
    """Nothing comes before a room's creation, whatever the answer says of a gap: Synapse says it of every new room."""
    return any(event.get("type") == "m.room.create" and event.get("state_key") == "" for event in timeline)
