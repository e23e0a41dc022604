"""People asked into a room: those of our own server while the room is looked after, all others beside it.

Their server has to agree, and may be silent for long: neither the room nor anybody else waits for that, and whoever is
being asked is not asked a second time meanwhile. Whose trouble it is that somebody could not be asked decides what is
done: theirs is written down and tried again, ours is the room's.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from bridge import troubles
from bridge.errands import Errands
from bridge.house import House
from bridge.matrix.homeserver import Invite, NoAnswer, Rejected, SlowDown, TheirFault, TryLater
from bridge.visit import Visit
from facilitator import sightings
from facilitator.ids import MatrixRoomId, RoomId, UserId
from facilitator.rules.user_id import server_of

AT_ONCE = 8
ELSEWHERE, THERE = 32, 4
"""So many people of other servers are being asked at once, and so many of one: silent ones take nobody's place for
long, and the rest of what the homeserver can do side by side is left to everything else."""
INVITE_TROUBLE = {
    "M_NOT_FOUND": "unknown_person",
    "M_INVALID_PARAM": "unknown_person",
    "M_UNKNOWN": "unknown_server",
    "HEARTH_SERVER_NOT_REACHED": "unknown_server",
}
UNREACHABLE_WAIT, LEFT_ALONE = timedelta(minutes=10), timedelta(minutes=9)
"""When who is on a server that does not answer is invited again; and how long a server is not asked at all that does
not even say no: its next try finds it free to be asked."""
AWAKE_FOR = timedelta(minutes=1)

Trouble = tuple[str, timedelta | None]
Way = tuple[MatrixRoomId, UserId]


class AskingIn:
    """Of one account. `wake` is set when somebody elsewhere has been asked."""

    def __init__(self, house: House, *, wake: asyncio.Event) -> None:
        self._house = house
        self._away: dict[str, datetime] = {}
        """Servers that keep everybody waiting who asks, and until when none of their people is invited."""
        self._awake: dict[str, datetime] = {}
        """Servers that have answered, and until when they are not asked first whether they do."""
        self._asking = asyncio.Semaphore(AT_ONCE)
        """Invitations under way on our own server, of all rooms: more would only keep others' requests waiting."""
        self._elsewhere = asyncio.Semaphore(ELSEWHERE)
        self._there: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(THERE))
        self.errands: Errands[Way] = Errands(wake)
        self._sent: set[Way] = set()
        """Those of them whose request is out."""
        self._in_vain: Counter[Way] = Counter()
        """How often in a row our own homeserver was no help in asking them."""
        self.left_behind: set[RoomId] = set()
        """Rooms whose errands failed and left no word: they are looked at anew."""

    def on_their_way(self) -> frozenset[Way]:
        """Who is being asked, or about to be."""
        return frozenset(self.errands)

    async def ask_in(self, visit: Visit, invitations: list[Invite]) -> list[Invite]:
        """Our own people, side by side; with all others it is begun. Returns the invitations of our own people."""
        here: list[Invite] = []
        home = server_of(self._house.homeserver.user_id)
        for step in invitations:
            visit.asked.add(step.user)
            if server_of(step.user) == home:
                here.append(step)
            else:
                self.errands.begin((step.room, step.user), self._ask_beside(visit.wanted.marker, step))
        for outcome in await asyncio.gather(*(self._ask_here(visit, step) for step in here), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        return here

    def take_back(self, room: MatrixRoomId, *, but: Collection[UserId]) -> None:
        """Whoever is to be asked in there no more, and whose request is not out yet, is not asked."""
        for way in self.on_their_way() - self._sent:
            if way[0] == room and way[1] not in but:
                self.errands.drop(way)

    async def _ask_here(self, visit: Visit, step: Invite) -> None:
        async with self._asking:
            if (trouble := await self._ask(step)) is not None:
                visit.refused[step.user] = trouble

    async def _ask_beside(self, room_id: RoomId, step: Invite) -> None:
        """Ask somebody and write down what came of it. Raises SignedOut, Unavailable."""
        way = (step.room, step.user)
        try:
            async with self._there[server_of(step.user)], self._elsewhere:
                self._sent.add(way)
                asked = self._house.clock.now()
                trouble = await self._ask(step) if await self._answers(step.user) else self._silent(step.user)
            await self._write_down(room_id, step, trouble, asked=asked)
            self._in_vain.pop(way, None)
        except Exception as error:
            await self._in_trouble(room_id, way, error)
        finally:
            self._sent.discard(way)

    async def _in_trouble(self, room_id: RoomId, way: Way, error: Exception) -> None:
        """The wait doubles with each of these alone: a room that is well otherwise would try them without a pause."""
        self._in_vain[way] += 1
        wait = min(sightings.FIRST_WAIT * 2 ** min(self._in_vain[way] - 1, 10), sightings.LONGEST_WAIT)
        try:
            await troubles.write_down(self._house, room_id, error, wait=wait)
        except Exception:
            self.left_behind.add(room_id)
            raise

    async def _write_down(self, room_id: RoomId, step: Invite, trouble: Trouble | None, *, asked: datetime) -> None:
        """Of the room they were asked into: it may have moved meanwhile, and everybody is asked into the new one."""
        now = self._house.clock.now()
        async with self._house.database.transaction() as db:
            if await sightings.matrix_room(db, room_id) != step.room:
                return
            if trouble is None:
                await sightings.people_seen(db, room_id, {step.user: "invite"}, now=now, as_of=asked)
                return
            why, wait = trouble
            next_try = None if wait is None else now + wait
            await sightings.could_not_invite(db, room_id, {step.user: (why, next_try)}, now=now)
            if next_try is not None:
                await sightings.look_by(db, room_id, next_try)

    async def _answers(self, user: UserId) -> bool:
        """Whether their server is awake. An invitation to one that is not would keep others out of the room meanwhile:
        a homeserver may let people into one only one after another."""
        server, now = server_of(user), self._house.clock.now()
        if self._away.get(server, now) > now:
            return False
        return self._awake.get(server, now) > now or await self._house.homeserver.answers(user)

    def _silent(self, user: UserId) -> Trouble:
        server, now = server_of(user), self._house.clock.now()
        if self._away.get(server, now) <= now:
            self._away[server] = now + LEFT_ALONE
        return "unreachable", UNREACHABLE_WAIT

    async def _ask(self, step: Invite) -> Trouble | None:
        """What kept them from being asked, if it is theirs."""
        try:
            await self._house.homeserver.take(step)
            self._away.pop(server_of(step.user), None)
            self._awake[server_of(step.user)] = self._house.clock.now() + AWAKE_FOR
        except Rejected as error:
            return INVITE_TROUBLE.get(error.code, "forbidden"), None
        except TryLater as error:
            return self._later(step.user, error)
        return None

    def _later(self, user: UserId, error: TryLater) -> Trouble:
        """Whose trouble it is: their server's, or the pace of ours. No connection at all is the room's trouble."""
        if isinstance(error, SlowDown):
            return "slow_down", error.after
        if not isinstance(error, TheirFault | NoAnswer) or server_of(user) == server_of(self._house.homeserver.user_id):
            raise error
        if isinstance(error, NoAnswer):
            self._awake.pop(server_of(user), None)
            return self._silent(user)
        return "unreachable", UNREACHABLE_WAIT
