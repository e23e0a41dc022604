"""Every part of the panel's look in every state, for who works on it; not there unless a setting says so."""

from datetime import timedelta

from aiohttp.web import Request, Response

from facilitator.errors import N_, NotFound
from web import keys
from web.forms import FILL_IN, Typed
from web.pages import see

WRONG = Typed(
    {"name": "\u202eMaple <b>room</b> 🌳", "time_zone": "Atlantis", "how": "left", "sure": "yes"},
    {"name": FILL_IN, "purpose": FILL_IN, "language": FILL_IN, "time_zone": FILL_IN, "how": FILL_IN, "sure": FILL_IN},
)
RIGHT = Typed({"name": "Maple room", "how": "removed"})
NOT_HERE = N_("There is no such page here.")


async def show(request: Request) -> Response:
    app = request.config_dict
    if not app[keys.SETTINGS].style_page:
        raise NotFound(NOT_HERE)
    moment = app[keys.CLOCK].now() + timedelta(days=1)
    return see(request, "style.html", wrong=WRONG, right=RIGHT, moment=moment)
