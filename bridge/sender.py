"""Loop 3, outbox → messages: in order within a room, parallel across rooms, every act under the id of its cause.

The id is the Matrix transaction id, so a send repeated after a crash is the same event. A homeserver forgets such ids
after a day (Synapse keeps 24 hours): an act whose first try is older than 20 hours is looked for in its room first.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bridge.house import House, LeaseLost, one_line
from bridge.matrix.homeserver import Rejected, Sent, SignedOut, SlowDown, TryLater, Urgency
from facilitator import bots, outbox, rooms, schedule
from facilitator.database import Db, Unavailable
from facilitator.ids import EventId, UserId, because
from facilitator.outbox import WaitingAct

log = structlog.get_logger(__name__)
AT_ONCE = 8
"""About as many requests as one Synapse process answers side by side; more only adds waiting."""
REMEMBERED = timedelta(hours=20)
TRIES = 3
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=5)


@dataclass(frozen=True)
class Outcome:
    """What became of a try. No `settled`: it is tried again at `again`."""

    settled: str | None
    event_id: EventId | None = None
    why: str | None = None
    again: datetime | None = None
    withheld: frozenset[UserId] = frozenset()


class Sender:
    """Says what is in the outbox for one account."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def pass_once(self) -> bool:
        """Try the first act of every room that has one. Returns whether there was any. Raises SignedOut, LeaseLost."""
        acts = await self._claim()
        gate = asyncio.Semaphore(AT_ONCE)
        outcomes = await asyncio.gather(*(self._say(act, gate) for act in acts), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return bool(acts)

    async def _claim(self) -> Sequence[WaitingAct]:
        """Write down that these are being tried, if this process still holds the account."""
        house, now = self._house, self._house.clock.now()
        async with house.database.reading() as db:
            acts = await outbox.next_acts(db, house.bot, now=now)
        if not acts:
            return acts
        async with house.database.transaction() as db:
            if not await bots.holds(db, house.bot, holder=house.held.holder, epoch=house.held.epoch):
                raise LeaseLost
            await outbox.trying(db, [act.id for act in acts if not _too_late(act, now)], now=now)
        return acts

    async def _say(self, act: WaitingAct, gate: asyncio.Semaphore) -> None:
        async with gate:
            outcome = await self._outcome(act)
        now = self._house.clock.now()
        async with self._house.database.transaction() as db:
            if outcome.again is not None:
                await outbox.try_again(db, act.id, at=outcome.again, why=outcome.why or "")
                return
            assert outcome.settled is not None
            await outbox.settle(db, act.id, outcome.settled, now=now, event_id=outcome.event_id, why=outcome.why)
            for person in outcome.withheld:
                await self._mention_devices(db, person, now=now)

    async def _outcome(self, act: WaitingAct) -> Outcome:
        try:
            return await self._try(act, self._house.clock.now())
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

    async def _try(self, act: WaitingAct, now: datetime) -> Outcome:
        if act.first_try is not None and (_too_late(act, now) or now - act.first_try > REMEMBERED):
            event_id = await self._house.homeserver.find_sent(act.matrix_room, act.id)
            if event_id is not None:
                return Outcome("sent", event_id=event_id)
        if _too_late(act, now) or not await self._still_true(act):
            return Outcome("too_late")
        sent = await self._send(act, now)
        return Outcome("sent", event_id=sent.event_id, withheld=sent.withheld)

    async def _still_true(self, act: WaitingAct) -> bool:
        """A reminder that had to wait may speak of a session that was called off since."""
        if "series" not in act.parameters:
            return True
        starts = datetime.fromisoformat(act.parameters["starts"])
        async with self._house.database.reading() as db:
            return await schedule.takes_place(db, act.parameters["series"], starts=starts)

    async def _send(self, act: WaitingAct, now: datetime) -> Sent:
        async with self._house.database.reading() as db:
            place = await rooms.place(db, act.room_id)
        if place is None:
            raise Rejected("HEARTH_NO_ROOM")
        content = self._house.words.say(act.utterance, act.parameters, place=place, now=now)
        urgency = Urgency[act.priority.name]
        return await self._house.homeserver.send(
            act.matrix_room, act.id, content, urgency=urgency, not_after=act.not_after
        )

    async def _mention_devices(self, db: Db, person: UserId, *, now: datetime) -> None:
        """Somebody has a device its owner has not confirmed: tell them, once, in their own room with the bot."""
        room_id = await rooms.direct_with(db, person, now=now)
        await outbox.put(
            db,
            because("confirm device", room_id),
            room_id,
            utterance="confirm_device",
            parameters={},
            priority=outbox.Priority.SAFETY,
            now=now,
        )


def _doubled(act: WaitingAct) -> timedelta:
    wait: timedelta = FIRST_WAIT * 2 ** min(act.attempts, 10)
    return min(wait, LONGEST_WAIT)


def _too_late(act: WaitingAct, now: datetime) -> bool:
    return act.not_after is not None and act.not_after <= now
