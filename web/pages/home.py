"""What needs whoever is signed in today, then their groups: where one lands."""

from aiohttp.web import Request, Response

from facilitator import groups, today
from facilitator.rules import life
from facilitator.rules.access import Role
from web import keys
from web.pages import see

SHOWN = 12
"""Groups; all of them are on a page of their own."""


async def show(request: Request) -> Response:
    app, by, now = request.config_dict, request[keys.SIGNED_IN].account_id, request.config_dict[keys.CLOCK].now()
    async with app[keys.DATABASE].reading() as db:
        needs = await today.needs(db, by=by, now=now)
        mine = await groups.mine(db, by=by, now=now, to_a_page=SHOWN)
    coordinates = request[keys.SIGNED_IN].role == Role.COORDINATOR
    no_line = coordinates and not life.any_fresh(app[keys.HOUSE].crisis_lines, today=now.date())
    return see(request, "home.html", today=needs, groups=mine.lines, more=mine.pages > 1, no_line=no_line)
