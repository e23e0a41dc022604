"""Every route says who may use it, and what is somebody else's is not found: tried for each route, role and object."""

from datetime import UTC, datetime

import pytest
from aiohttp.web import Application, Request, Response

from facilitator import groups
from facilitator.accounts import SignedIn
from facilitator.database import Database
from facilitator.ids import AccountId, new_id
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.conftest import Serve
from tests.web.paths import path_of
from tests.web.sample import Sample
from tests.web.visitor import Visitor, new_session
from web import keys
from web.routes import ROUTES, Route
from web.who import OPEN, Who

FIELDS = {
    "invite": {"matrix_id": "@new:chat.test"},
    "renew-room": {"how": "upgrade"},
    "new-series": {"weekday": "1", "at": "19:00", "minutes": "60", "time_zone": "Berlin", "first_day": ""},
}
OF_A_GROUP = [route for route in ROUTES if "{group:" in route.path]
PROTECTED = [route for route in ROUTES if route.who not in OPEN]


def called(route: Route) -> str:
    return f"{route.method} {route.name}"


def test_every_route_of_the_application_declares_who_may_use_it(app: Application) -> None:
    for route in app.router.routes():
        method = "GET" if route.method == "HEAD" else route.method
        assert isinstance(app[keys.WHO].get((method, route.name or "")), Who), route


def test_only_these_are_open_to_anyone() -> None:
    """A route that is opened by mistake stands out here."""
    names = {route.name for route in ROUTES if route.who in OPEN}
    assert names == {"landing", "link", "sign-out", "leave", "language", "help", "livez", "readyz", "static"}


def test_what_is_for_coordinators_is_for_no_facilitator() -> None:
    now = datetime(2026, 11, 2, tzinfo=UTC)
    for role, let_in in (("coordinator", True), ("facilitator", False), ("", False)):
        somebody = SignedIn(AccountId("x"), role, "Ada", "token", now, now)
        assert Who.COORDINATOR.lets_in(somebody) is let_in
        assert Who.SIGNED_IN.lets_in(somebody)
    assert not Who.COORDINATOR.lets_in(None)


async def test_a_route_that_declares_nobody_lets_nobody_in(
    app: Application, serve: Serve, database: Database, cast: Sample, clock: TurnedClock
) -> None:
    async def show(_request: Request) -> Response:
        return Response(text="secret")

    app.router.add_get("/undeclared", show, name="undeclared")
    cookie, _ = await sample.sign_in(database, cast.ada, clock.now())
    async with new_session() as session:
        base = await serve(app)
        assert (await Visitor(session, base).get("/undeclared")).status == 401
        assert (await Visitor(session, base, cookie).get("/undeclared")).status == 403


@pytest.mark.parametrize("route", PROTECTED, ids=called)
async def test_nobody_gets_in_without_signing_in(visitor: Visitor, cast: Sample, route: Route) -> None:
    path = path_of(route.path, {"group": cast.settled, "series": cast.series})
    page = await visitor.ask(route.method, path, fields=FIELDS.get(route.name, {}))
    assert page.status == 401
    assert "Maple room" not in page.text
    assert "sign-in link" in page.words


@pytest.mark.parametrize("route", OF_A_GROUP, ids=called)
async def test_what_is_anothers_is_not_found(
    dan: Visitor, ada: Visitor, cast: Sample, database: Database, clock: TurnedClock, route: Route
) -> None:
    """Not forbidden, not found: nobody learns that it exists."""
    await dan.get("/groups")
    path = path_of(route.path, {"group": cast.settled, "series": cast.series})
    page = await ask(dan, route, path)
    assert page.status == 404
    assert "Maple" not in page.text
    async with database.reading() as db:
        after = await groups.page(db, by=cast.ada, group_id=cast.settled, now=clock.now())
    assert len(after.roster) == 10 and len(after.series) == 2


@pytest.mark.parametrize("route", OF_A_GROUP, ids=called)
async def test_what_is_nowhere_reads_the_same(dan: Visitor, cast: Sample, route: Route) -> None:
    foreign = await ask(dan, route, path_of(route.path, {"group": cast.settled, "series": cast.series}))
    nowhere = await ask(dan, route, path_of(route.path, {"group": new_id(), "series": new_id()}))
    assert without_number(foreign.words) == without_number(nowhere.words)


@pytest.mark.parametrize("route", [route for route in OF_A_GROUP if "{series:" in route.path], ids=called)
async def test_a_series_of_another_group_of_ones_own_is_not_found_in_this_one(
    ada: Visitor, cast: Sample, route: Route
) -> None:
    page = await ask(ada, route, path_of(route.path, {"group": cast.new, "series": cast.series}))
    assert page.status == 404


async def ask(visitor: Visitor, route: Route, path: str):  # type: ignore[no-untyped-def]
    if route.method == "POST":
        return await visitor.post(path, FIELDS.get(route.name, {}))
    return await visitor.get(path)


def without_number(words: str) -> str:
    return words.partition("Number of this request")[0]
