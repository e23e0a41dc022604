"""What kept a room from being looked after, in the code the panel has words for: one sick room is tried again later.

The same for a visit and for what goes on beside it, so that both are said and waited for alike.
"""

from datetime import timedelta

import structlog

from bridge.house import House, one_line
from bridge.matrix.homeserver import Rejected, SignedOut, SlowDown, TryLater
from facilitator import sightings
from facilitator.database import Unavailable
from facilitator.ids import RoomId

log = structlog.get_logger(__name__)


async def write_down(house: House, room_id: RoomId, error: Exception, *, wait: timedelta | None = None) -> None:
    """`wait`: before the next look; None: as the homeserver asked, or one that doubles each time. What is no room's
    trouble, SignedOut and Unavailable, is raised."""
    if isinstance(error, SignedOut | Unavailable):
        raise error
    trouble = "room_refused"
    if isinstance(error, SlowDown):
        trouble, wait = "homeserver_slow_down", error.after
    elif isinstance(error, TryLater):
        trouble = "homeserver_unreachable"
    elif isinstance(error, Rejected):
        log.warning("room refused", room_id=room_id, code=error.code)
    else:
        log.error("room failed", room_id=room_id, error=one_line(error), exc_info=error)
    async with house.database.transaction() as db:
        await sightings.in_trouble(db, room_id, trouble, now=house.clock.now(), wait=wait)
