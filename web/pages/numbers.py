"""Pictures of how groups went: counts by months that are over, nothing about anybody."""

from dataclasses import dataclass
from datetime import date

from aiohttp.web import Request, Response

from facilitator import glance
from facilitator.errors import N_
from facilitator.numbers import Numbers
from web import keys
from web.pages import see
from web.pages.groups import group_id

STANDINGS = {
    "joined": (N_("In the room"), N_("In the room")),
    "invited": (N_("Invited, not in the room yet"), N_("Invited")),
    "left": (N_("Left"), N_("Left")),
    "removed": (N_("Removed"), N_("Removed")),
}
"""In the table, and where there is little place below a bar."""


@dataclass(frozen=True)
class Row:
    """One line of a table: a month, or how people stand. `people` is None where it is too few to show, or where no
    group was there any more, or yet."""

    people: int | None
    month: date | None = None
    sessions: int = 0
    none_there: bool = False
    label: str = ""
    short: str = ""


async def of_group(request: Request) -> Response:
    app, now = request.config_dict, request.config_dict[keys.CLOCK].now()
    async with app[keys.DATABASE].reading() as db:
        by = request[keys.SIGNED_IN].account_id
        group = await glance.of_group(db, by=by, group_id=group_id(request))
        numbers = await app[keys.COUNTER].of_group(db, group=group, minimum=_minimum(request), now=now)
    return _page(request, numbers, group.id)


async def of_all(request: Request) -> Response:
    app, now = request.config_dict, request.config_dict[keys.CLOCK].now()
    async with app[keys.DATABASE].reading() as db:
        by = request[keys.SIGNED_IN].account_id
        numbers = await app[keys.COUNTER].of_all(db, by=by, minimum=_minimum(request), now=now)
    return _page(request, numbers, None)


def _minimum(request: Request) -> int:
    return request.config_dict[keys.HOUSE].smallest_number


def _page(request: Request, numbers: Numbers, group: str | None) -> Response:
    months = [
        Row(size, month, sessions, none_there)
        for month, sessions, size, none_there in zip(
            numbers.months, numbers.sessions, numbers.sizes, numbers.none_there, strict=True
        )
    ]
    bars = [0 if row.none_there else row.people for row in months]  # no mark where there was nothing to count
    standings = [
        Row(number, none_there=numbers.none_there[-1], label=STANDINGS[state][0], short=STANDINGS[state][1])
        for state, number in numbers.standings
    ]
    return see(
        request, "numbers.html", numbers=numbers, rows=months, bars=bars, standings=standings,
        standing_bars=[0 if row.none_there else row.people for row in standings], group_id=group,
    )  # fmt: skip
