"""The rooms of a group that is closed: everybody is asked to leave, or its facilitators get the power to run it; then
the bot leaves. It is found again after a death by how the room is, and by the bot being out of it.
"""

from dataclasses import replace
from datetime import timedelta

from bridge.house import House
from bridge.matrix.homeserver import CreateRoom, FoundRoom, Invite, Rejected, Remove, SlowDown
from bridge.plan import plan
from bridge.wording import catalogue
from facilitator import endings, renewals
from facilitator.errors import N_
from facilitator.ids import MatrixRoomId
from facilitator.rules.wanted_room import WantedRoom

ROUNDS = 4
SOON = timedelta(seconds=30)
OUT_OF_IT = ("M_FORBIDDEN", "M_NOT_FOUND")
OVER = N_("This group has come to its end, and its room is closed. Thank you for having been here.")
"""What people read when they are asked out of the room of a closed group. It stands in clear on servers."""


class Ending:
    """Of one account's rooms."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def see_out(self, wanted: WantedRoom, room: MatrixRoomId | None) -> None:
        """Bring a room to its end. Raises TryLater, Rejected, SignedOut."""
        house = self._house
        async with house.database.reading() as db:
            follows = await renewals.latest_former(db, wanted.marker)
            formers = await renewals.former(db, wanted.marker)
        place = room or await house.homeserver.find(wanted.marker, follows=follows)
        if place is not None:
            await self._make_last(wanted, place)
        for former in [each.matrix_room for each in formers] + ([place] if place is not None else []):
            await house.homeserver.decline(former)
        async with house.database.transaction() as db:
            for each in formers:
                await renewals.left(db, each.matrix_room, now=house.clock.now())
            await endings.left(db, wanted.marker, now=house.clock.now())

    async def _make_last(self, wanted: WantedRoom, room: MatrixRoomId) -> None:
        for _ in range(ROUNDS):
            found = await self._look(room)
            steps = plan(wanted, found) if found is not None else ()
            if not steps:
                return
            for step in steps:
                assert not isinstance(step, CreateRoom | Invite)
                await self._house.homeserver.take(_kindly(step, wanted) if isinstance(step, Remove) else step)
        raise SlowDown("people come in faster than they are asked out", SOON)

    async def _look(self, room: MatrixRoomId) -> FoundRoom | None:
        """None: we are out of it already."""
        try:
            return await self._house.homeserver.look(room)
        except Rejected as error:
            if error.code in OUT_OF_IT:
                return None
            raise


def _kindly(step: Remove, wanted: WantedRoom) -> Remove:
    return replace(step, reason=catalogue(wanted.language).gettext(OVER))
