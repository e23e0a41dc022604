"""The journal: who did what and why, of all groups one runs or of one, as pages and as a file."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from aiohttp.web import Request, Response

from facilitator import chronicle, glance
from facilitator.chronicle import Asked, Cursor, Entry
from facilitator.errors import N_
from facilitator.ids import GroupId
from web import deeds, keys
from web.forms import Typed
from web.pages import see
from web.pages.groups import group_id

MOST_GROUPS = MOST_PEOPLE = 200
"""More make no list to choose from: one group's journal is on a page of its own."""
OUR_ID = chronicle.OUR_ID
CURSOR = re.compile(rf"(\d{{8}}T\d{{12}})~({OUR_ID.pattern})")
NO_DAY = N_("Please write the day as year, month and day, like 2026-12-31. It was not used to choose entries.")
MOMENT = "%Y%m%dT%H%M%S%f"


async def show(request: Request) -> Response:
    """Of all groups one runs; to coordinators also what is the house's own."""
    return await _page(request, _group_of(request), group_name="")


async def of_group(request: Request) -> Response:
    app, by = request.config_dict, request[keys.SIGNED_IN].account_id
    async with app[keys.DATABASE].reading() as db:
        group = await glance.of_group(db, by=by, group_id=group_id(request))
    return await _page(request, group.id, group_name=group.name)


async def _page(request: Request, group: GroupId | None, *, group_name: str) -> Response:
    app, signed_in = request.config_dict, request[keys.SIGNED_IN]
    by, role = signed_in.account_id, signed_in.role
    wanted = _asked(request, group)
    async with app[keys.DATABASE].reading() as db:
        page = await chronicle.read(db, by=by, role=role, asked=wanted, before=_cursor(request.query.get("before", "")))
        people = await chronicle.people(db, by=by, role=role, group_id=group if group_name else None)
        groups = None if group_name else await chronicle.groups(db, by=by, most=MOST_GROUPS)
    return see(
        request,
        "journal.html",
        page=page,
        days=_by_day(page.entries, _zone(request)),
        people=people if len(people) <= MOST_PEOPLE else [each for each in people if each[1].kind == "facilitator"],
        groups=groups,
        group_id=group if group_name else None,
        group_name=group_name,
        chosen=_chosen(request),
        typed=Typed(errors={name: NO_DAY for name in ("from", "to") if _cannot_be_read(request, name)}),
        asked=wanted,
        older=_address(request, page.older),
        newest=str(request.rel_url.with_query(_chosen(request))) if "before" in request.query else "",
        file=str(request.app.router["journal-file"].url_for().with_query(_chosen(request) | _only(group))),
        zone=_zone(request),
        deeds=deeds,
    )


def _group_of(request: Request) -> GroupId | None:
    asked = request.query.get("group", "")
    return GroupId(asked) if OUR_ID.fullmatch(asked) else None


def asked(request: Request) -> Asked:
    """What is asked for on the page of all groups, and in the file."""
    return _asked(request, _group_of(request))


def _asked(request: Request, group: GroupId | None) -> Asked:
    """What stands in the address; what nobody could have chosen there is passed over."""
    zone, person = _zone(request), request.query.get("person", "")
    first, last = _day(request, "from"), _day(request, "to")
    return Asked(
        group=group,
        person=person if person == chronicle.BOT or OUR_ID.fullmatch(person) else None,
        since=_begins(first, zone) if first else None,
        until=_begins(last + timedelta(days=1), zone) if last else None,
    )


def _day(request: Request, name: str) -> date | None:
    """Within the years a calendar of today knows on both sides of it."""
    try:
        day = date.fromisoformat(request.query.get(name, "").strip())
    except ValueError:
        return None
    return day if 1971 <= day.year <= 9000 else None


def _cannot_be_read(request: Request, name: str) -> bool:
    """Where there is no picker people write days as they are used to."""
    return bool(request.query.get(name, "").strip()) and _day(request, name) is None


def _begins(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _zone(request: Request) -> str:
    """Where days begin and end for whoever reads."""
    zone: str = request[keys.SIGNED_IN].time_zone or request.config_dict[keys.HOUSE].time_zone
    return zone


def _by_day(entries: Sequence[Entry], zone: str) -> list[list[Entry]]:
    place = ZoneInfo(zone)
    return [list(those) for _, those in groupby(entries, key=lambda entry: entry.at.astimezone(place).date())]


def _chosen(request: Request) -> dict[str, str]:
    """The choices that stand in the address, to be shown and to be kept."""
    chosen = {name: request.query.get(name, "") for name in ("group", "person", "from", "to")}
    return {name: value for name, value in chosen.items() if value and len(value) <= 40}


def _only(group: GroupId | None) -> dict[str, str]:
    return {"group": group} if group is not None else {}


def _address(request: Request, older: Cursor | None) -> str:
    """The next page of the same choices; empty on the last."""
    if older is None:
        return ""
    before = f"{older[0].strftime(MOMENT)}~{older[1]}"
    return str(request.rel_url.with_query(_chosen(request) | {"before": before}))


def _cursor(text: str) -> Cursor | None:
    found = CURSOR.fullmatch(text)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], MOMENT).replace(tzinfo=UTC), found[2]
    except ValueError:
        return None
