"""What needs somebody today: the sessions that come, and what waits for them in the groups they run.

Each is asked for by itself and finds few rows, however many groups there are; ownership is part of every query.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import groups, sightings, unsaid, waiting
from facilitator.ids import AccountId, GroupId
from facilitator.rules import life, recurrence
from facilitator.rules.recurrence import Occurrence, SeriesFacts

AHEAD = timedelta(hours=36)
CLOCKS_CHANGE = timedelta(hours=2)
"""More than clocks are ever put forward or back."""
LONG_INVITED = timedelta(days=3)
SHOWN = 20
"""Of each kind; a house where more needs somebody has one trouble, not many."""

Kind = Literal["room", "not_said", "not_delivered", "cannot_read", "alone", "long_invited"]
COUNTED: tuple[tuple[Kind, Select[GroupId, int]], ...] = (
    ("not_said", waiting.NOT_SAID),
    ("not_delivered", waiting.NOT_DELIVERED),
    ("cannot_read", waiting.CANNOT_READ),
    ("alone", waiting.ALONE),
    ("long_invited", waiting.LONG_INVITED),
)


@dataclass(frozen=True)
class Need:
    """Something in one group that waits for somebody. `number`: of how many people; `trouble`: a code of the room's."""

    kind: Kind
    group_id: GroupId
    group: str = field(repr=False)
    number: int = 0
    trouble: str | None = None


@dataclass(frozen=True)
class Session:
    """A session that comes soon, or is being held."""

    group_id: GroupId
    group: str = field(repr=False)
    occurrence: Occurrence


@dataclass(frozen=True)
class Today:
    """`house`: a trouble of all rooms at once, said once. `more`: whether there is more than is shown. `linked`:
    whether whoever asks has a Matrix ID that is theirs."""

    sessions: tuple[Session, ...]
    needs: tuple[Need, ...]
    house: str | None
    more: bool
    linked: bool = True


async def needs(db: AsyncSession, *, by: AccountId, now: datetime) -> Today:
    """What needs this account. Its number of statements does not depend on how many groups there are."""
    silent = groups.room_state(0, None, await sightings.heartbeats(db), now)
    house = silent.trouble if silent.state == "in_trouble" else None
    asked = {"by": by, "most": SHOWN + 1}
    found: list[tuple[Kind, GroupId, int, str | None]] = []
    if house is None:
        found += [("room", group, 0, trouble) for group, trouble in await db.execute(waiting.TROUBLED, asked)]
    since = {"long_invited": {"long_ago": now - LONG_INVITED}, "not_said": {"given_up_since": now - unsaid.SHOWN_FOR}}
    for kind, query in COUNTED:
        rows = await db.execute(query, asked | since.get(kind, {}))
        found += [(kind, group, number, None) for group, number in rows]
    sessions = await _sessions(db, by, now)
    shown = {each[1] for each in found} | {group for group, _ in sessions[:SHOWN]}
    names = dict((await db.execute(waiting.CALLED, {"groups": sorted(shown)})).all())
    return Today(
        sessions=tuple(Session(group, names[group], each) for group, each in sessions[:SHOWN]),
        needs=tuple(Need(kind, group, names[group], number, trouble) for kind, group, number, trouble in found[:SHOWN]),
        house=house,
        more=max(len(sessions), len(found)) > SHOWN,
        linked=bool(await db.scalar(waiting.LINKED, {"by": by})),
    )


async def _sessions(db: AsyncSession, by: AccountId, now: datetime) -> list[tuple[GroupId, Occurrence]]:
    """The sessions that start within a day and a half, or are being held, soonest first."""
    series = [
        (
            group,
            SeriesFacts(
                id=each, starts=starts, time_zone=zone, rrule=rrule, minutes=minutes, ended=closes, since=opened
            ),
        )
        for group, state, each, starts, zone, rrule, minutes, opened, closes in await db.execute(
            waiting.MEETING, {"by": by}
        )
        if life.meets(state, opened)
    ]
    found = [
        (group, each)
        for group, facts in _soonest(series, now)
        for each in recurrence.occurrences(facts, after=now, before=now + AHEAD)
    ]
    return sorted(found, key=lambda each: (each[1].starts, each[1].series))


def _soonest(series: Sequence[tuple[GroupId, SeriesFacts]], now: datetime) -> list[tuple[GroupId, SeriesFacts]]:
    """Those that may meet within the time that is looked at, and of very many the first: reckoning the sessions of a
    thousand series takes longer than all else on the page."""
    earliest = {zone: recurrence.wall_time(now, zone) for zone in {facts.time_zone for _, facts in series}}
    waits = [(recurrence.wait(facts, earliest[facts.time_zone]), group, facts) for group, facts in series]
    soon = sorted((each for each in waits if each[0] <= AHEAD + CLOCKS_CHANGE), key=lambda each: (each[0], each[1]))
    return [(group, facts) for _, group, facts in soon[: 2 * SHOWN]]
