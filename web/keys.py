"""What the application and a request carry, by typed keys, so that no page looks anything up by a string."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp.web import AppKey, RequestKey

from facilitator.accounts import SignedIn
from facilitator.clock import Clock
from facilitator.database import Database
from facilitator.kept_forms import Kept
from facilitator.numbers import Counter
from facilitator.settings import Settings as House
from web.cities import Cities
from web.limits import Tries
from web.live import Live, Rings
from web.render import Templates
from web.settings import Settings
from web.who import Who

BELL = AppKey("bell", Rings)
CITIES = AppKey("cities", Cities)
CLOCK = AppKey("clock", Clock)
COUNTER = AppKey("counter", Counter)
DATABASE = AppKey("database", Database)
GOING_ON = AppKey("going on", set[asyncio.Task[Any]])
HOUSE = AppKey("house", House)
LIVE = AppKey("live", Live)
SETTINGS = AppKey("settings", Settings)
TEMPLATES = AppKey("templates", Templates)
TRIES = AppKey("tries", Tries)
WHO = AppKey("who", Mapping[tuple[str, str], Who])

COOKIE_TOKEN = RequestKey("cookie token", str)
CAME_BACK = RequestKey("came back", bool)
FORM = RequestKey("form", dict[str, str])
KEPT = RequestKey("kept", Kept)
REQUEST_ID = RequestKey("request id", str)
SIGNED_IN = RequestKey("signed in", SignedIn)
