"""Rooms other people ask us into: taken as the direct room of the one who made it, offered anew in safety, or declined.

Anybody can invite us, as often as they like and from servers that never answer. So invitations wait in memory, to a
number, and are answered beside the hearing and not before it; whatever is forgotten the homeserver still shows.
"""

import asyncio
from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from itertools import islice

import structlog

from bridge.heard import InvitedUs
from bridge.house import House, LeaseLost, one_line
from bridge.matrix.homeserver import Rejected, SignedOut, SlowDown, TryLater
from facilitator import members, outbox, rooms, sightings
from facilitator.database import Unavailable
from facilitator.ids import MatrixRoomId, because

log = structlog.get_logger(__name__)
TRIES = 3
AT_ONCE = 4
WITHIN = timedelta(seconds=15)
"""For one answer. Declining asks the inviter's server, which may be made to keep us waiting."""
SORTED = 2_000
"""Of those that one answer brings."""
WAITING = 500
"""Invitations that are remembered; the others are looked for when these are answered."""
GIVEN_UP = 5_000
SAID_LATELY = timedelta(days=1)


class Doorkeeper:
    """Of one account. The listener hands it what it hears; `pass_once` is a loop of its own."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._welcome: dict[MatrixRoomId, InvitedUs] = {}
        self._unwelcome: dict[MatrixRoomId, InvitedUs] = {}
        self._more = True
        """Whether invitations may stand open that are not remembered here: so at a start."""
        self._failures: Counter[MatrixRoomId] = Counter()
        self._given_up: set[MatrixRoomId] = set()

    async def remember(self, invitations: Collection[InvitedUs]) -> None:
        """Of one person known here one invitation is welcome, the latest that can be accepted; the others are not."""
        new = {i.room: i for i in islice(invitations, SORTED) if i.room not in self._given_up}
        self._more = self._more or len(invitations) > SORTED
        if not new:
            return
        async with self._house.database.reading() as db:
            known = await members.known_among(db, {i.sender for i in new.values()}, now=self._house.clock.now())
            ours = await sightings.ours_among(db, new)
        mine = [*self._welcome.values(), *(i for i in new.values() if i.sender in known or i.room in ours)]
        first = {i.room if i.room in ours else i.sender: i for i in sorted(mine, key=_acceptable)}
        self._welcome = {invitation.room: invitation for invitation in first.values()}
        others = {i.room: i for i in (*mine, *new.values()) if i.room not in self._welcome | self._unwelcome}
        free = max(0, WAITING - len(self._unwelcome))
        self._more = (self._more or len(others) > free) and len(self._given_up) < GIVEN_UP
        self._unwelcome |= dict(islice(others.items(), free))

    async def pass_once(self) -> bool:
        """Answer a few invitations, those of people known here first. Returns whether there were any. Raises TryLater
        when the homeserver asks us to go slower or is not there."""
        if self._more and not self._welcome and not self._unwelcome:
            self._more = False
            try:
                await self.remember(await self._house.homeserver.invitations())
            except TryLater:
                self._more = True
                raise
        batch = [*self._welcome.values(), *self._unwelcome.values()][:AT_ONCE]
        outcomes = await asyncio.gather(*(self._see_to(each) for each in batch), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return bool(batch)

    async def _see_to(self, invitation: InvitedUs) -> None:
        room, welcome = invitation.room, invitation.room in self._welcome
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                await self._answer(invitation, welcome=welcome)
        except Rejected as error:
            log.info("invitation not answered", code=error.code)
        except (SlowDown, SignedOut, LeaseLost, Unavailable):
            raise
        except Exception as error:
            log.info("invitation not answered", error=one_line(error))
            self._failures[room] += 1
            if self._failures[room] < TRIES:
                self._put_last(invitation)
                return
            if welcome:  # somebody known here waits; of strangers' there may be any number
                log.error("invitation set aside")
            if len(self._given_up) < GIVEN_UP:
                self._given_up.add(room)
        self._forget(room)

    def _put_last(self, invitation: InvitedUs) -> None:
        for waiting in (self._welcome, self._unwelcome):
            if waiting.pop(invitation.room, None):
                waiting[invitation.room] = invitation

    def _forget(self, room: MatrixRoomId) -> None:
        for waiting in (self._welcome, self._unwelcome, self._failures):
            waiting.pop(room, None)

    async def _answer(self, invitation: InvitedUs, *, welcome: bool) -> None:
        """Accept a room of ours, and a direct, encrypted one with somebody known here; decline the rest. To somebody
        known who invited us to a direct room in clear, ours is offered instead: the reconciler makes it.

        Any other room is declined also when a facilitator asks, and that is told them where we are alone: in a room
        that was not opened from the panel nobody has read an agreement, nobody was told that we hear what is said,
        and help asked for there would seem to be on its way. Our being silently absent would seem so, too.

        Our joining is heard like anybody's: what follows from it is done then (`_adopt`).
        """
        homeserver, safe = self._house.homeserver, _acceptable(invitation)
        if not welcome:
            await homeserver.decline(invitation.room)
            return
        async with self._house.database.reading() as db:
            ours = bool(await sightings.ours_among(db, [invitation.room]))
        if not ours and not safe:
            await self._explain(invitation)
        await (homeserver.accept if ours or safe else homeserver.decline)(invitation.room)

    async def _explain(self, invitation: InvitedUs) -> None:
        now, person = self._house.clock.now(), invitation.sender
        async with self._house.database.transaction() as db:
            if not invitation.direct and not await members.has_account(db, person):
                return
            alone = await rooms.direct_with(db, person, now=now)
            await rooms.offer_direct(db, alone)
            if not invitation.direct and not await outbox.said_lately(
                db, alone, "not_our_room", since=now - SAID_LATELY
            ):
                await outbox.put(
                    db, because("not our room", invitation.room), alone, utterance="not_our_room", parameters={},
                    priority=outbox.Priority.REPLY, now=now,
                )  # fmt: skip


def _acceptable(invitation: InvitedUs) -> bool:
    return invitation.direct and invitation.encrypted
