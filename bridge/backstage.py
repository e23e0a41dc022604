"""Has what needs facilitators told in their own rooms, a little later than it is so: nothing anybody says waits for it.

It looks by itself now and then and is woken by nobody, since what it tells was not said by anybody just now.
"""

from datetime import timedelta

from bridge.house import House
from facilitator import backstage

EVERY = timedelta(seconds=30)


class Backstage:
    """Of one account."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def pass_once(self) -> bool:
        """Returns whether there was anything to do. Raises Unavailable."""
        house, now = self._house, self._house.clock.now()
        async with house.database.reading() as db:
            if not await backstage.anything(db, house.bot, now=now):
                return False
        async with house.database.transaction() as db:
            return await backstage.see_to(db, house.bot, now=now)
