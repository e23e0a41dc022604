"""How much every page asks of the database: the same in a small house as in a large one, and little."""

import pytest

from facilitator import people, schedule
from facilitator.database import Database, Db
from facilitator.ids import AccountId, new_id
from tests.clock import TurnedClock
from tests.web import gallery, sample
from tests.web.conftest import SignIn
from tests.web.every_page import NO_PAGES, VIEWS, View
from tests.web.gallery import Gallery
from tests.web.paths import path_of
from tests.web.sample import Sample
from tests.web.visitor import Visitor
from web.routes import ROUTES

MORE = 30
"""Groups, accounts, and members and sessions of one group; more than are counted at once anywhere."""
SMALL_PAGE = 4
"""Who is signed in, whose it is, and what is shown."""
LARGER: dict[str, int] = {
    "group": 12, "group-journal": 8, "home": 15, "journal": 7, "me": 6, "matrix-id": 6, "people": 8, "waive": 5,
    "disable-person": 7, "give-away": 9, "journal-file": 5, "groups": 5, "numbers": 4, "person": 5, "free-person": 5,
    "group-numbers": 4,
}  # fmt: skip


def looks() -> list[tuple[str, View]]:
    """Every page one can be signed in for, as it is for most groups."""
    others = {route.name for route in ROUTES if route.method == "GET"} - NO_PAGES
    assert others == set(VIEWS), "a page without an entry"
    shown = [(name, view) for name, several in VIEWS.items() for view in several if view.signed_in]
    return [*shown, ("journal-file", View("The journal's file"))]


async def test_every_page_asks_as_little_of_a_large_house_as_of_a_small_one(
    signed_in: SignIn, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    hung = await gallery.hang(database, cast, clock.now())
    ada = await signed_in(hung.ada)
    small = await asked(ada, hung, database)
    async with database.transaction() as db:
        await grow(db, hung, clock)
    large = await asked(ada, hung, database)
    assert {page: (small[page], number) for page, number in large.items() if number > small[page]} == {}
    most = {f"{name}: {view.title}": LARGER.get(name, SMALL_PAGE) for name, view in looks()}
    assert {page: number for page, number in small.items() if number > most[page]} == {}


async def asked(ada: Visitor, hung: Gallery, database: Database) -> dict[str, int]:
    """Statements by page."""
    counts = {}
    paths = {route.name: route.path for route in ROUTES if route.method == "GET"}
    for name, view in looks():
        parts = hung.parts(view.of) | {"account": getattr(hung, view.account)}
        before = database.statements
        answer = await ada.get(path_of(paths[name], parts) + view.query)
        assert answer.status in (200, 303, 404), f"{name}: {answer.status}"
        counts[f"{name}: {view.title}"] = database.statements - before
    return counts


async def grow(db: Db, hung: Gallery, clock: TurnedClock) -> None:
    now = clock.now()
    for number in range(MORE):
        group = await sample.open_group(db, hung.ada, f"Room {number}", now)
        for each in (group, hung.settled):
            await schedule.schedule(
                db, by=hung.ada, group_id=each, weekday=number % 7, at=f"{number % 24:02}:05", time_zone="UTC",
                minutes=60, now=now,
            )  # fmt: skip
        account = AccountId(new_id())
        who = {"name": f"Somebody {number}", "matrix_id": f"@somebody{number}:panel.test"}
        await people.add(db, by=hung.ada, account_id=account, role="facilitator", now=now, **who)
        await sample.start_group(db, account, f"Another room {number}", now)
    await sample.invite_many(db, hung.ada, hung.settled, MORE, now)


@pytest.mark.parametrize("path", ["/static/panel.css", "/livez"])
async def test_what_is_no_page_asks_nothing(ada: Visitor, database: Database, path: str) -> None:
    before = database.statements
    assert (await ada.get(path)).status == 200
    assert database.statements == before
