"""The panel as one aiohttp application, wired here and nowhere else."""

from functools import lru_cache
from gettext import NullTranslations

from aiohttp.web import Application

from facilitator.clock import Clock
from facilitator.database import Database
from facilitator.numbers import Counter
from facilitator.settings import Settings as House
from web import headers, keys, language, patience, routes
from web.cities import Cities
from web.limits import Tries
from web.live import Heard, Live, Rings
from web.middleware import MIDDLEWARES
from web.render import Templates
from web.settings import Settings

LARGEST_BODY = 64 * 1024


def build_app(settings: Settings, *, house: House, database: Database, bell: Rings, clock: Clock) -> Application:
    """An application that serves `settings.public_url`. Whoever opened the database and the bell closes them."""
    app = Application(middlewares=MIDDLEWARES, client_max_size=LARGEST_BODY)
    catalogues = language.available()
    live = Live(database, clock)
    app[keys.BELL] = Heard(bell, live)
    app[keys.CITIES] = Cities(catalogues)
    app[keys.CLOCK] = clock
    app[keys.COUNTER] = Counter()
    app[keys.DATABASE] = database
    app[keys.GOING_ON] = set()
    app[keys.HOUSE] = house
    app[keys.LIVE] = live
    app[keys.SETTINGS] = settings
    app[keys.TEMPLATES] = templates(app, catalogues)
    app[keys.TRIES] = Tries()
    app[keys.WHO] = routes.rules()
    routes.add_to(app)
    headers.put_on_everything(app)
    app.on_shutdown.append(stop_following)
    app.on_cleanup.append(patience.finish)
    return app


async def stop_following(app: Application) -> None:
    """An open stream has no end of its own: a panel that stops would wait for it."""
    await app[keys.LIVE].stop()


def templates(app: Application, catalogues: dict[str, NullTranslations]) -> Templates:
    """What every page may use: addresses by name, and the two tables of settings."""

    @lru_cache(maxsize=4096)
    def url(name: str, **parts: str) -> str:
        return str(app.router[name].url_for(**parts))

    values = {"url": url, "settings": app[keys.SETTINGS], "house": app[keys.HOUSE]}
    return Templates(catalogues, app[keys.CITIES], **values)
