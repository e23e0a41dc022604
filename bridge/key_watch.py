"""Loop 5, keys → database: who could read us in each room, known before anything is said there.

It asks when somebody has joined, when their devices changed, and again after a while where a server did not answer:
never without a reason, and one question for everybody it is about.
"""

from bridge.house import House
from facilitator import encryption_health


class KeyWatch:
    """One account's eye on its rooms' encryption."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def pass_once(self) -> bool:
        """Check the rooms that are due, and tell whoever has had a device unconfirmed for a while. Returns whether
        there were any. Raises TryLater, SignedOut: what was due is due again a few minutes later."""
        house = self._house
        async with house.database.reading() as db:
            if not await encryption_health.anything_due(db, house.bot, now=house.clock.now()):
                return False
        async with house.database.transaction() as db:
            claimed = await encryption_health.claim(db, house.bot, now=house.clock.now())
        if not claimed:
            return False
        found = await house.homeserver.reach(list(claimed.values()))
        reached = {room_id: found[room] for room_id, room in claimed.items() if room in found}
        async with house.database.transaction() as db:
            now = house.clock.now()
            for person in await encryption_health.reached(db, reached, now=now):
                await encryption_health.mention(db, person, now=now)
        return True
