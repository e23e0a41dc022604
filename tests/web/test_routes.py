"""Every route says who may use it; what says nothing lets nobody in. Who gets where is tried in test_access.py."""

from datetime import UTC, datetime

from aiohttp.web import Application, Request, Response

from facilitator.accounts import SignedIn
from facilitator.database import Database
from facilitator.ids import AccountId
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.conftest import Serve
from tests.web.sample import Sample
from tests.web.visitor import Visitor, new_session
from web import keys
from web.routes import ROUTES
from web.who import OPEN, Who


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
