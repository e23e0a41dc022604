"""Loop 3, outbox → messages: in order within a room, parallel across rooms, every act under the id of its cause.

The id is the Matrix transaction id, so a send repeated after a crash is the same event. A homeserver forgets such ids
after a day (Synapse keeps 24 hours): an act whose first try is older than 20 hours is looked for in its room first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bridge.house import House, LeaseLost, one_line
from bridge.lanes import Lanes
from bridge.matrix.homeserver import CannotTell, Rejected, Sent, SignedOut, SlowDown, TryLater, Urgency
from bridge.settings import LEASE
from facilitator import bots, encryption_health, outbox, schedule, sightings
from facilitator.database import Db, Unavailable
from facilitator.ids import EventId, RoomId, UserId
from facilitator.outbox import WaitingAct
from facilitator.rules.reach import Reach

log = structlog.get_logger(__name__)
AT_ONCE = 11
KEPT = 3
"""Places among them that help and safety alone may take. The others are about as many requests as one Synapse process
answers side by side; more only adds waiting."""
KEPT_FOR_HELP = 1
"""Of those kept, what help alone may take: there may be any number of other urgent things, and all may hang."""
REMEMBERED = timedelta(hours=20)
CLOCKS_DIFFER = timedelta(minutes=5)
TRIES = 3
NOT_INSIDE = ("M_FORBIDDEN", "M_NOT_FOUND")
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=5)


@dataclass(frozen=True)
class Outcome:
    """What became of a try. No `settled`: it is tried again at `again`. `out_of_it`: we are no longer in the room."""

    settled: str | None
    event_id: EventId | None = None
    why: str | None = None
    again: datetime | None = None
    out_of_it: bool = False
    withheld: frozenset[UserId] = frozenset()
    reached: Mapping[UserId, Reach] = field(default_factory=dict, repr=False)


class Sender:
    """Says what is in the outbox for one account. A pass waits for no homeserver: it begins what can be begun, and
    writes down what has ended."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._untold: list[tuple[WaitingAct, Outcome]] = []
        """What became of tries, until it is written down."""
        self._reached: dict[RoomId, Mapping[UserId, Reach]] = {}
        """How far each room's key came when it was last written down: as a rule nothing of it is new."""
        self.lanes: Lanes[tuple[WaitingAct, Outcome]] = Lanes(AT_ONCE)

    async def pass_once(self, *, called: bool = False) -> bool:
        """Write down what came of the tries that ended, and try the first act of every room that has one and is free,
        all in one transaction. `called`: somebody says that there is one; unasked, it looks first, since who only
        looks is to keep nobody else from writing. Returns whether there was any. Raises SignedOut, LeaseLost,
        Unavailable."""
        ended, errors = self.lanes.take_ended()
        self._untold += ended
        found_work = (called or bool(self._untold) or await self._anything()) and await self._go_on()
        if errors:
            raise errors[0]
        return found_work

    def hurry(self) -> bool:
        """Whether every place for what is not urgent is taken."""
        return not self.lanes.has_place(leaving=KEPT)

    async def stop(self) -> None:
        """What is being said just now is said, if it does not take long, and written down."""
        await self.lanes.stop()
        self._untold += self.lanes.take_ended()[0]
        if self._untold:
            async with self._house.database.transaction() as db:
                await self._write_down(db)

    async def _anything(self) -> bool:
        async with self._house.database.reading() as db:
            return bool(await self._ready(db))

    async def _go_on(self) -> bool:
        async with self._house.database.transaction() as db:
            if self._untold:
                await self._write_down(db)
            acts = await self._ready(db)
            await self._claim(db, acts)
        told = bool(self._untold)
        self._reached |= self._reached_now()
        self._untold.clear()
        for act in acts:
            self.lanes.begin(act.room_id, self._say(act))
        return told or bool(acts)

    async def _ready(self, db: Db) -> list[WaitingAct]:
        """The first act of each free room, as many as there are places."""
        free = [
            act
            for act in await outbox.next_acts(db, self._house.bot, now=self._house.clock.now(), limit=2 * AT_ONCE)
            if act.room_id not in self.lanes
        ]
        fitting: list[WaitingAct] = []
        for act in free:  # the most urgent come first
            if self.lanes.has_place(leaving=_leaving(act), beside=len(fitting)):
                fitting.append(act)
        return fitting

    async def _claim(self, db: Db, acts: Sequence[WaitingAct]) -> None:
        """Write down that these are being tried, if this process still holds the account."""
        house, now = self._house, self._house.clock.now()
        if not acts:
            return
        if not await bots.holds(db, house.bot, holder=house.held.holder, epoch=house.held.epoch, lasts=LEASE):
            raise LeaseLost
        trying = [act.id for act in acts if not _too_late(act, now)]
        await outbox.trying(db, trying, now=now, device=house.homeserver.device_id)

    async def _write_down(self, db: Db) -> None:
        now = self._house.clock.now()
        for act, outcome in self._untold:
            if outcome.again is not None:
                await outbox.try_again(db, act.id, at=outcome.again, why=outcome.why or "")
                if outcome.out_of_it:
                    await self._lost(db, act, now=now)
                continue
            assert outcome.settled is not None
            await outbox.settle(db, act.id, outcome.settled, now=now, event_id=outcome.event_id, why=outcome.why)
            for person in outcome.withheld:
                await encryption_health.mention(db, person, now=now)
        news = {room: how for room, how in self._reached_now().items() if how != self._reached.get(room)}
        if news:
            await encryption_health.reached(db, news, now=now, in_passing=True)

    async def _lost(self, db: Db, act: WaitingAct, *, now: datetime) -> None:
        """Nothing is said there until the room is found again, which is looked for at once: we may be back already.
        Unless the room goes on elsewhere by now, where it is not lost."""
        if await sightings.matrix_room(db, act.room_id) == act.matrix_room:
            await sightings.lost(db, act.room_id, now=now)
            await sightings.look_again(db, act.room_id, now=now)

    def _reached_now(self) -> dict[RoomId, Mapping[UserId, Reach]]:
        return {act.room_id: outcome.reached for act, outcome in self._untold if outcome.reached}

    async def _say(self, act: WaitingAct) -> tuple[WaitingAct, Outcome]:
        return act, await self._outcome(act)

    async def _outcome(self, act: WaitingAct) -> Outcome:
        try:
            return await self._try_unless_out(act, self._house.clock.now())
        except (SignedOut, Unavailable):
            raise
        except TryLater as error:
            slow = isinstance(error, SlowDown)
            wait = error.after if slow else max(error.after, _doubled(act))  # who says how long is taken at their word
            why = outbox.SLOW_DOWN if slow else outbox.UNREACHABLE
            return Outcome(None, why=why, again=self._house.clock.now() + wait)
        except Rejected as error:
            log.error("act refused", act_id=act.id, code=error.code)
            return Outcome("failed", why=error.code)
        except Exception as error:  # a bug in one act is set aside after three tries; the room's next acts go on
            log.error("act failed", act_id=act.id, error=one_line(error), exc_info=error)
            if act.attempts + 1 < TRIES:
                return Outcome(None, why="bug", again=self._house.clock.now() + _doubled(act))
            return Outcome("failed", why="bug")

    async def _try_unless_out(self, act: WaitingAct, now: datetime) -> Outcome:
        """Where we were put out of the room the act waits until we are back in it: help may have been asked for."""
        try:
            return await self._try(act, now)
        except Rejected as error:
            if error.code not in NOT_INSIDE or not await self._is_out(act):
                raise
        return Outcome(None, why=sightings.ROOM_LOST, again=now + _doubled(act), out_of_it=True)

    async def _try(self, act: WaitingAct, now: datetime) -> Outcome:
        if self._must_look(act, now):
            try:
                event_id = await self._found(act)
            except CannotTell:
                if not act.urgent:  # a person looks; help said twice is better than not at all
                    log.warning("act uncertain", act_id=act.id)
                    return Outcome("uncertain", why="unread")
                event_id = None
            if event_id is not None:
                return Outcome("sent", event_id=event_id)
        if _too_late(act, now):
            return Outcome("too_late")
        if not await self._still_true(act):
            return Outcome("too_late")
        sent = await self._send(act, now)
        return Outcome("sent", event_id=sent.event_id, withheld=sent.withheld, reached=sent.reached)

    async def _is_out(self, act: WaitingAct) -> bool:
        """Whether we were put out of the room, and not only kept from speaking in it."""
        try:
            await self._house.homeserver.look(act.matrix_room)
        except Rejected as error:
            return error.code in NOT_INSIDE
        return False

    def _must_look(self, act: WaitingAct, now: datetime) -> bool:
        """Whether the homeserver would take a repeated try for another message. A first try that is still to come
        was written down by a clock that was set back since: how old it is nobody knows."""
        if act.first_try is None:
            return False
        elsewhere = act.tried_on not in (None, self._house.homeserver.device_id)
        age = now - act.first_try
        return elsewhere or _too_late(act, now) or age > REMEMBERED or age < -CLOCKS_DIFFER

    async def _found(self, act: WaitingAct) -> EventId | None:
        """The act as said in its room. Raises CannotTell when there are words of ours in it that nobody can name."""
        try:
            return await self._house.homeserver.find_sent(act.matrix_room, act.id, tried=act.first_try)
        except CannotTell as unclear:
            async with self._house.database.reading() as db:
                unnamed = unclear.unread - await outbox.already_said(db, unclear.unread)
            if unnamed or not unclear.whole:
                raise
            return None

    async def _still_true(self, act: WaitingAct) -> bool:
        """A reminder that had to wait may speak of a session that was called off since."""
        if "series" not in act.parameters:
            return True
        starts = datetime.fromisoformat(act.parameters["starts"])
        async with self._house.database.reading() as db:
            return await schedule.takes_place(db, act.parameters["series"], starts=starts)

    async def _send(self, act: WaitingAct, now: datetime) -> Sent:
        content = self._house.words.say(act.utterance, act.parameters, place=act.place, now=now)
        urgency = Urgency[act.priority.name]
        return await self._house.homeserver.send(
            act.matrix_room, act.id, content, urgency=urgency, not_after=act.not_after
        )


def _doubled(act: WaitingAct) -> timedelta:
    wait: timedelta = FIRST_WAIT * 2 ** min(act.attempts, 10)
    return min(wait, LONGEST_WAIT)


def _leaving(act: WaitingAct) -> int:
    """How many places stay free for what is more urgent."""
    if act.priority is outbox.Priority.HELP:
        return 0
    return KEPT_FOR_HELP if act.urgent else KEPT


def _too_late(act: WaitingAct, now: datetime) -> bool:
    return act.not_after is not None and act.not_after <= now
