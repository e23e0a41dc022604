"""Has what is over deleted, once an hour, in small transactions: nothing that is said or heard waits behind it.

A machine's clock may be wrong. Only one that has gone evenly for the whole hour is believed: by one that was set ahead
for a moment, things would be forgotten that keep us from saying something twice.
"""

from datetime import datetime, timedelta

import structlog

from bridge.house import House
from facilitator import pruning
from facilitator.database import Unavailable

log = structlog.get_logger(__name__)
EVERY = timedelta(hours=1)
UNEVEN = timedelta(minutes=1)
BATCHES = 10
"""Transactions to an hour. A house that was never pruned is through within a day."""


class Pruner:
    def __init__(self, house: House) -> None:
        self._house = house
        self._wall, self._steady = self._read()

    async def look(self) -> None:
        """Called as often as one likes."""
        wall, steady = self._read()
        if steady - self._steady < EVERY:
            return
        uneven = abs((wall - self._wall) - (steady - self._steady))
        self._wall, self._steady = wall, steady
        if uneven > UNEVEN:
            return
        try:
            for _ in range(BATCHES):
                async with self._house.database.transaction() as db:
                    if not await pruning.prune(db, now=wall):
                        return
        except Unavailable:
            log.warning("database unavailable", loop="pruner")

    def _read(self) -> tuple[datetime, timedelta]:
        clock = self._house.clock
        return clock.now(), timedelta(seconds=clock.monotonic())
