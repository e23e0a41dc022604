"""What was learned of the homeserver's limits, kept in the database: a restart does not press it anew, and the panel
can say how long things will take."""

from datetime import datetime, timedelta

import structlog

from bridge.house import one_line
from bridge.matrix.pace import Learned, Pace
from facilitator import pace as kept_pace
from facilitator.clock import Clock
from facilitator.database import Database
from facilitator.ids import BotId
from facilitator.pace import Allowance

log = structlog.get_logger(__name__)
EVERY = timedelta(seconds=10)


async def recall(database: Database, bot: BotId, pace: Pace, *, now: datetime) -> None:
    """Go on as fast as before the restart."""
    async with database.reading() as db:
        known = await kept_pace.kept(db, bot, now=now)
    pace.recall(Learned(each.kind, each.every, each.burst, each.free_at - now, now - each.refused) for each in known)


async def write_down(database: Database, bot: BotId, pace: Pace, *, now: datetime) -> None:
    allowances = [
        Allowance(each.kind, each.every, each.burst, now + each.free_in, now - each.refused) for each in pace.learned()
    ]
    async with database.transaction() as db:
        await kept_pace.keep(db, bot, allowances)


async def keep(database: Database, bot: BotId, pace: Pace, clock: Clock) -> None:
    """Write it down now and then until cancelled, as long as there is anything, and once more when it is over."""
    written = False
    try:
        while True:
            await clock.sleep(EVERY)
            if written or pace.learned():
                written = await _written(database, bot, pace, clock.now())
    finally:
        if written or pace.learned():
            await _written(database, bot, pace, clock.now())


async def _written(database: Database, bot: BotId, pace: Pace, now: datetime) -> bool:
    """Returns whether there is anything that may have to be unsaid."""
    try:
        await write_down(database, bot, pace, now=now)
    except Exception as error:  # a note that was not taken ends nothing
        log.warning("pace not kept", error=one_line(error))
        return True
    return bool(pace.learned())
