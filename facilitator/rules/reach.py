"""Who can read what the bot says, and be read by it: from what happened to a room's key to how somebody stands.

Pure, so that every state a facilitator may meet can be tested in a line.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True)
class Reach:
    """How far a room's key came with one person, in numbers of their devices; never which.

    `given`: have it. `refused`: were not given it, because their owner has not signed them. `unreached`: should have
    it, but had no key of their own to send it under. `answered`: their server has said which devices they have.
    """

    given: int = 0
    refused: int = 0
    unreached: int = 0
    answered: bool = True


class Health(StrEnum):
    """How somebody and the bot can read each other. The first eight follow from a Reach, the last two do not."""

    UNKNOWN = "unknown"  # not asked yet
    READS = "reads"
    SOME_UNSIGNED = "some_unsigned"  # reads, but not on every device
    SOME_UNREACHED = "some_unreached"
    ONLY_UNSIGNED = "only_unsigned"  # reads on none
    UNREACHED = "unreached"
    NO_DEVICES = "no_devices"
    SERVER_SILENT = "server_silent"
    NOT_READ = "not_read"  # the bot cannot read them
    IDENTITY_CHANGED = "identity_changed"


READS_NOTHING = frozenset({Health.ONLY_UNSIGNED, Health.UNREACHED, Health.NO_DEVICES, Health.SERVER_SILENT})
UNSIGNED = frozenset({Health.ONLY_UNSIGNED, Health.SOME_UNSIGNED})
MENDS_ITSELF = frozenset({Health.SERVER_SILENT, Health.UNREACHED, Health.SOME_UNREACHED})
"""What may be over without anybody telling us: asked again, ever more rarely."""

SOONEST, LATEST = timedelta(minutes=5), timedelta(hours=1)
SETTLES = timedelta(minutes=10)
"""How long somebody has to confirm a device they have just signed in on before anything is said of it."""
WELL_FOR = timedelta(days=3)
"""After so long all is well for good; what comes back then is another matter, and said anew."""
KEY_MAY_TAKE = timedelta(minutes=5)
"""A key that comes a little after its message is nothing to speak of."""
CHANGE_SHOWN = timedelta(days=14)


@dataclass(frozen=True)
class Sighting:
    """What is kept of one person in one room. `well_until`: when a time of being well for days last ended."""

    health: str
    since: datetime
    well_until: datetime | None = None
    next_check: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """All that is known about one person in one room. `unread_since`: the bot holds messages of theirs it cannot read,
    from this moment on. `identity_changed`: when another master key than the one first seen signed their devices."""

    health: str
    since: datetime
    unread_since: datetime | None = None
    identity_changed: datetime | None = None


def of_reach(reach: Reach) -> Health:
    if not reach.given:
        if not reach.answered:
            return Health.SERVER_SILENT
        if reach.unreached:
            return Health.UNREACHED
        return Health.ONLY_UNSIGNED if reach.refused else Health.NO_DEVICES
    if reach.refused:
        return Health.SOME_UNSIGNED
    return Health.SOME_UNREACHED if reach.unreached else Health.READS


def seen(before: Sighting | None, reach: Reach, *, now: datetime) -> Sighting:
    """What is to be kept after a key was shared or its sharing tried out. A check asked for meanwhile stays due."""
    health = of_reach(reach)
    since = before.since if before is not None and before.health == health else now
    well_until = before.well_until if before is not None else None
    if before is not None and before.health == Health.READS and since == now and now - before.since >= WELL_FOR:
        well_until = now
    due = before is not None and before.next_check is not None and before.next_check <= now
    next_check = before.next_check if due and before is not None else check_again(health, since, now=now)
    return Sighting(health, since, well_until, next_check)


def seen_in_passing(before: Sighting | None, reach: Reach, *, now: datetime) -> Sighting:
    """As `seen`, where nobody waited long for an answer: what was not answered at once says nothing yet, and is asked
    for in peace."""
    if reach.answered and not reach.unreached:
        return seen(before, reach, now=now)
    if before is None:
        return Sighting(Health.UNKNOWN, now, next_check=now)
    return before if before.health in MENDS_ITSELF else replace(before, next_check=now)


def check_again(health: Health, since: datetime, *, now: datetime) -> datetime | None:
    """When to ask again without having been told of a change; None: only when told."""
    if health in MENDS_ITSELF:
        return now + min(max(now - since, SOONEST), LATEST)
    if health in UNSIGNED and now - since < SETTLES:
        return since + SETTLES
    return None


def to_be_told(kept: Sighting, *, now: datetime) -> bool:
    """Whether the person should hear, in their own room with the bot, that a device of theirs is not confirmed."""
    return kept.health in UNSIGNED and now - kept.since >= SETTLES


def standing(facts: Facts, *, now: datetime) -> tuple[Health, datetime]:
    """The one thing to say about somebody, and since when: who cannot read at all comes first, since everything else
    can wait for it; then what might be another's doing; then what the bot cannot read; then single devices."""
    health = Health(facts.health)
    if health in READS_NOTHING:
        return health, facts.since
    if facts.identity_changed is not None and now - facts.identity_changed < CHANGE_SHOWN:
        return Health.IDENTITY_CHANGED, facts.identity_changed
    if facts.unread_since is not None and now - facts.unread_since >= KEY_MAY_TAKE:
        return Health.NOT_READ, facts.unread_since
    return health, facts.since
