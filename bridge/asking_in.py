"""People asked into a room: those of our own server side by side, each other server's one after another.

Whose trouble it is that somebody could not be asked decides what is done: theirs is written down and tried again, ours
ends the visit.
"""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta

from bridge.house import House
from bridge.matrix.homeserver import Invite, NoAnswer, Rejected, SlowDown, TheirFault, TryLater
from bridge.visit import Visit
from facilitator.ids import UserId
from facilitator.rules.user_id import server_of

AT_ONCE = 8
INVITE_TROUBLE = {
    "M_NOT_FOUND": "unknown_person",
    "M_INVALID_PARAM": "unknown_person",
    "M_UNKNOWN": "unknown_server",
    "HEARTH_SERVER_NOT_REACHED": "unknown_server",
}
UNREACHABLE_WAIT, LEFT_ALONE = timedelta(minutes=10), timedelta(minutes=9)
"""When who is on a server that does not answer is invited again; and how long a server is not asked at all that does
not even say no: its next try finds it free to be asked."""


class AskingIn:
    """Of one account."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._away: dict[str, datetime] = {}
        """Servers that keep everybody waiting who asks, and until when none of their people is invited."""
        self._asking = asyncio.Semaphore(AT_ONCE)
        """Invitations under way on our own server, of all rooms: more would only keep others' requests waiting."""

    async def ask_in(self, visit: Visit, invitations: list[Invite]) -> None:
        """Those of our own server side by side; each other server has its people invited one after another, since one
        that is silent is not asked again. None waits for another's server."""
        by_server: defaultdict[str, list[Invite]] = defaultdict(list)
        for step in invitations:
            by_server[server_of(step.user)].append(step)
        here = by_server.pop(server_of(self._house.homeserver.user_id), [])
        elsewhere = (self._ask_one_by_one(visit, steps) for steps in by_server.values())
        asked = [*(self._ask_here(visit, step) for step in here), *elsewhere]
        for outcome in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _ask_here(self, visit: Visit, step: Invite) -> None:
        async with self._asking:
            await self._ask(visit, step)

    async def _ask_one_by_one(self, visit: Visit, invitations: list[Invite]) -> None:
        for step in invitations:
            await self._ask(visit, step)

    async def _ask(self, visit: Visit, step: Invite) -> None:
        visit.asked.add(step.user)
        if self._away.get(server_of(step.user), self._house.clock.now()) > self._house.clock.now():
            visit.refused[step.user] = "unreachable", UNREACHABLE_WAIT
            return
        try:
            await self._house.homeserver.take(step)
            self._away.pop(server_of(step.user), None)
        except Rejected as error:
            visit.refused[step.user] = (INVITE_TROUBLE.get(error.code, "forbidden"), None)
        except TryLater as error:
            visit.refused[step.user] = self._later(step.user, error)

    def _later(self, user: UserId, error: TryLater) -> tuple[str, timedelta]:
        """Whose trouble it is: their server's, or the pace of ours. No connection at all is the room's trouble."""
        if isinstance(error, SlowDown):
            return "slow_down", error.after
        if not isinstance(error, TheirFault | NoAnswer) or server_of(user) == server_of(self._house.homeserver.user_id):
            raise error
        if isinstance(error, NoAnswer):
            self._away[server_of(user)] = self._house.clock.now() + LEFT_ALONE
        return "unreachable", UNREACHABLE_WAIT
