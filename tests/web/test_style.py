"""The page of every part is there for who works on the look, and for nobody else."""

from aiohttp.web import Application

from facilitator.database import Database
from facilitator.settings import Settings as House
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.conftest import Serve
from tests.web.sample import Sample
from tests.web.visitor import Visitor, new_session
from web import keys
from web.app import build_app
from web.settings import Settings


async def test_it_is_not_there_unless_a_setting_says_so(ada: Visitor) -> None:
    page = await ada.get("/style")
    assert page.status == 404 and "There is no such page here." in page.words


async def test_it_shows_every_macro_there_is(
    app: Application,
    settings: Settings,
    house: House,
    database: Database,
    clock: TurnedClock,
    cast: Sample,
    serve: Serve,
) -> None:
    shown = build_app(
        settings.model_copy(update={"style_page": True}),
        house=house,
        database=database,
        bell=app[keys.BELL],
        clock=clock,
    )
    cookie, _ = await sample.sign_in(database, cast.ada, clock.now())
    async with new_session() as session:
        page = await Visitor(session, await serve(shown), cookie).get("/style")
    assert page.status == 200
    for part in (
        "badge good",
        "problems",
        "changed",
        "rows",
        "facts",
        "progress",
        "empty",
        "pages",
        "crumbs",
        "choice",
    ):
        assert f'class="{part}' in page.text or f'class="card {part}' in page.text or f"<{part}" in page.text, part
