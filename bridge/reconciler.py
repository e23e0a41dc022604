"""Loop 2, database → rooms: look, plan, take the steps, look again, until nothing is left to do.

Every step is safe to repeat, so a crash anywhere costs only the steps again; createRoom, which is not, is found again
by the room's marker.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bridge import drift, troubles, via
from bridge.asking_in import AskingIn
from bridge.ending import Ending
from bridge.house import House
from bridge.lanes import Lanes
from bridge.matrix.homeserver import (
    CreateRoom,
    FoundRoom,
    Invite,
    KnownRoom,
    Rejected,
    Remove,
    Step,
)
from bridge.moving import Mover
from bridge.plan import obstacles, plan, with_invited
from bridge.visit import Visit
from facilitator import encryption_health, members, missing, renewals, rooms, sightings, strangers
from facilitator.ids import RoomId, UserId

log = structlog.get_logger(__name__)
AT_ONCE = 8
IN_A_HURRY = 2
"""Two, so that one room that hangs does not keep all others from being looked after."""
PATIENCE = timedelta(seconds=20)
"""So long a look that nothing calls for waits in a hurry, one of a start for example: it takes the homeserver as much
time as two messages do."""
ROUNDS = 4
"""A room that still differs after so many looks is drifting under our hands; it is tried again later."""
DRIFTING = timedelta(seconds=30)


class RoomLost(Exception):
    """We are no longer in a room that was ours. Nothing is created in its place without a facilitator's word."""


class Reconciler:
    """Makes each room of one account what it should be. A pass waits for no homeserver: it begins what can be begun."""

    def __init__(self, house: House, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """`hurry`: whether so much is being said just now that looking after rooms goes on in two places alone."""
        self._house, self._mover, self._ending = house, Mover(house), Ending(house)
        self._claimed: set[RoomId] = set()
        """Rooms whose looks are not written down yet; also those that a fault has left behind."""
        self._hurry = hurry
        self.lanes: Lanes[None] = Lanes(AT_ONCE)
        self._asking_in = AskingIn(house, wake=self.lanes.wake)
        self.errands = self._asking_in.errands

    async def pass_once(self) -> bool:
        """Look after the rooms that are due, as many as there are places. Returns whether there was any, or one has
        ended. Raises SignedOut, Unavailable."""
        ended, errors = self.lanes.take_ended()
        if errors := [*errors, *self.errands.take_errors()]:
            raise errors[0]
        begun = await self._claim() if self._has_place() else []
        for room_id in begun:
            self.lanes.begin(room_id, self._visit(room_id))
        return bool(ended or begun)

    def _has_place(self, *, beside: int = 0) -> bool:
        return self.lanes.has_place(beside=beside, leaving=AT_ONCE - IN_A_HURRY if self._hurry() else 0)

    async def stop(self) -> None:
        await asyncio.gather(self.lanes.stop(), self.errands.stop())
        await self.errands.stop(within=timedelta())  # what the last visits have begun

    async def _claim(self) -> list[RoomId]:
        house, patience = self._house, PATIENCE if self._hurry() else rooms.NO_TIME
        async with house.database.reading() as db:
            unclaimed = await rooms.unclaimed(db)
            due = await rooms.due(db, house.bot, now=house.clock.now(), patience=patience)
        if unclaimed:
            async with house.database.transaction() as db:
                await rooms.take_charge(db, house.bot)
                due = await rooms.due(db, house.bot, now=house.clock.now(), patience=patience)
        left_behind = self._claimed | self._asking_in.left_behind
        free = [room for room in (*sorted(left_behind), *due) if room not in self.lanes]
        begun = [room for n, room in enumerate(dict.fromkeys(free)) if self._has_place(beside=n)]
        self._asking_in.left_behind -= set(begun)
        if new := set(begun) - self._claimed:
            self._claimed |= new
            async with house.database.transaction() as db:
                await sightings.claimed(db, new)
        return begun

    async def _visit(self, room_id: RoomId) -> None:
        """Look after one room, whatever comes of it. Raises SignedOut, Unavailable."""
        try:
            await self.reconcile(room_id)
        except RoomLost:
            if not await self._mover.begin_anew(room_id):
                await self._lost(room_id)
        except Exception as error:  # the others go on
            await troubles.write_down(self._house, room_id, error)
        self._claimed.discard(room_id)

    async def reconcile(self, room_id: RoomId) -> None:
        """Bring one room nearer to what it should be. Raises TryLater, Rejected, SignedOut."""
        visit = await self._gather(room_id)
        if visit.wanted.kept_by is not None:
            await self._ending.see_out(visit.wanted, visit.room)
            return
        found, settled, at = await self._go_round(visit)
        if found is None:
            return
        if visit.group_id is not None and settled and visit.trouble is None and not visit.is_new:
            moved, visit.again = await self._mover.see_to(visit.wanted, found)
            if moved:
                return
        stuck = obstacles(visit.wanted, found)
        visit.refused |= {each.user: ("banned", None) for each in stuck if each.code == "banned" and each.user}
        await self._write_down(visit, found, at=at, settled=settled)

    async def _gather(self, room_id: RoomId) -> Visit:
        house, on_their_way = self._house, self._asking_in.on_their_way()  # before what is known of them is read
        async with house.database.reading() as db:
            wanted = await rooms.wanted(
                db, room_id, now=house.clock.now(), recovery=house.recovery, allowed=house.allowed_servers,
                version=house.homeserver.room_version,
            )  # fmt: skip
            wanted = drift.in_its_language(wanted)
            visit = Visit(wanted, await sightings.matrix_room(db, room_id), group_id=await rooms.group_of(db, room_id))
            visit.follows = await renewals.latest_former(db, room_id)
        visit.asked = {user for room, user in on_their_way if room == visit.room}
        return visit

    async def _go_round(self, visit: Visit) -> tuple[FoundRoom | None, bool, datetime]:
        """Look and take the steps until none is left. Returns the room, whether it is settled, and when it was looked
        at; no room where it is to be looked at anew. Once all that was left were invitations and all were taken, what
        another look would show is known, and none is made. Those of other servers go on beside it."""
        found, at = None, self._house.clock.now()
        for _ in range(ROUNDS):
            at = self._house.clock.now()
            found = await self._look(visit)
            if found is not None and await self._told_otherwise(visit, found):
                return None, False, at
            if visit.room is not None:
                self._asking_in.take_back(visit.room, but=visit.wanted.people)
            steps = self._steps(visit, found)
            if not steps:
                return found, True, at
            if found is not None:
                await drift.note(self._house, visit.group_id, found, steps)
            for step in steps:
                if not isinstance(step, Invite):
                    await self._take(visit, step)
            invitations = [step for step in steps if isinstance(step, Invite)]
            taken = await self._asking_in.ask_in(visit, invitations)
            if found is not None and len(invitations) == len(steps) and not visit.refused:
                return with_invited(found, taken), True, at
        return found, False, at

    def _steps(self, visit: Visit, found: FoundRoom | None) -> tuple[Step, ...]:
        if found is not None and visit.wanted.direct_to and found.made_by != self._house.homeserver.user_id:
            return ()  # a person made this room for the two of them; it is theirs to shape
        steps = plan(visit.wanted, found)
        return tuple(step for step in steps if not (isinstance(step, Invite) and step.user in visit.asked))

    async def _told_otherwise(self, visit: Visit, found: FoundRoom) -> bool:
        """Whether what should be is another thing by now, as the room itself shows: it is looked at anew."""
        visit.wanted, visit.uninvited = await drift.uninvited(self._house, visit.wanted, found)
        if visit.group_id is not None:
            moved, visit.trouble = await self._mover.follow(visit.wanted, found)
            if moved:
                return True
            visit.again = None if visit.trouble is None else self._house.clock.now() + sightings.LONGEST_WAIT
        return await drift.renamed(self._house, visit.group_id, visit.wanted, found)

    async def _look(self, visit: Visit) -> FoundRoom | None:
        """The room as it is: where it was last seen, or wherever a joined room carries its marker."""
        homeserver = self._house.homeserver
        if visit.room is None:
            visit.room = await homeserver.find(visit.wanted.marker, follows=visit.follows)
            if visit.room is None:
                return None
            await self._found(visit)
        try:
            return await homeserver.look(visit.room)
        except Rejected as error:
            if error.code in ("M_FORBIDDEN", "M_NOT_FOUND"):
                raise RoomLost from error
            raise

    async def _take(self, visit: Visit, step: Step) -> None:
        homeserver = self._house.homeserver
        if isinstance(step, CreateRoom):
            visit.room = await homeserver.create(replace(step, predecessor=visit.follows))
            visit.is_new = visit.follows is None
            await self._found(visit)
        else:
            assert not isinstance(step, Invite)
            if isinstance(step, Remove):
                step = drift.kindly(step, visit.wanted, visit.uninvited)
            await homeserver.take(step)

    def _others(self, users: Iterable[UserId]) -> list[UserId]:
        return [user for user in users if user != self._house.homeserver.user_id]

    async def _found(self, visit: Visit) -> None:
        assert visit.room is not None
        async with self._house.database.transaction() as db:
            await sightings.found(db, visit.wanted.marker, visit.room, now=self._house.clock.now())

    async def _lost(self, room_id: RoomId) -> None:
        async with self._house.database.transaction() as db:
            await sightings.lost(db, room_id, now=self._house.clock.now())

    async def _write_down(self, visit: Visit, found: FoundRoom, *, at: datetime, settled: bool) -> None:
        now = self._house.clock.now()
        again = [now + wait for _, wait in visit.refused.values() if wait is not None]
        again += [moment for moment in (visit.wanted.until, visit.uninvited.until, visit.again) if moment is not None]
        again += [now + strangers.GRACE] if visit.uninvited.fresh else []
        stuck = [o.code for o in obstacles(visit.wanted, found)]
        seen = sightings.Looked(
            matrix_room=found.room,
            encryption=found.encryption,
            history_visibility=found.history_visibility,
            members=found.members,
            revision=visit.wanted.revision if settled else None,
            at=at,
            next_look=min(again, default=None) if settled else now + DRIFTING,
            version=found.version,
            via=via.of(found, visit.wanted.server_acl),
            obstacles=sorted({code for code in stuck if code != "banned"}),
            trouble=visit.trouble or ("no_power" if "no_power" in stuck else None),
        )
        inside = [user for user, membership in found.members.items() if membership == "join"]
        async with self._house.database.transaction() as db:
            await sightings.looked(db, visit.wanted.marker, seen, now=now)
            await missing.looked_for(db, visit.wanted.marker, seen, now=now)
            due = now + strangers.GRACE
            await strangers.noticed(db, visit.wanted.marker, visit.uninvited.fresh, due=due)
            await members.found_inside(db, visit.wanted.marker, inside, revision=visit.wanted.revision, now=now)
            await encryption_health.expect(db, visit.wanted.marker, self._others(inside), now=now)
            refused = {
                user: (trouble, None if wait is None else now + wait) for user, (trouble, wait) in visit.refused.items()
            }
            await sightings.could_not_invite(db, visit.wanted.marker, refused, now=now)
        if found.encryption is not None:
            known = KnownRoom(
                found.room, found.encryption, visit.wanted.all_devices, found.history_visibility or "shared"
            )
            self._house.homeserver.remember([known])
