"""One-time links and the sign-in behind the cookie: nothing is used up by looking, nothing works twice."""

import asyncio
from datetime import timedelta

from facilitator import accounts
from facilitator.database import Database
from facilitator.ids import AccountId
from tests.clock import TurnedClock
from tests.web.conftest import SignIn
from tests.web.sample import Sample
from tests.web.visitor import Visitor


async def new_link(database: Database, account: AccountId, clock: TurnedClock) -> str:
    async with database.transaction() as db:
        return "/sign-in/" + await accounts.issue_link(db, account, now=clock.now())


async def test_looking_at_a_link_uses_nothing_up(
    visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    link = await new_link(database, cast.ada, clock)
    for _ in range(3):
        page = await visitor.get(link)
        assert page.status == 200 and "Sign in on this device" in page.words
        assert "Set-Cookie" not in page.headers and "Ada" not in page.words
    assert (await visitor.ask("HEAD", link)).status == 200
    assert (await visitor.post(link)).location == "/home"


async def test_a_link_works_once(visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock) -> None:
    link = await new_link(database, cast.ada, clock)
    assert (await visitor.post(link)).status == 303
    late = Visitor(visitor.session, visitor.base)
    for page in (await late.post(link), await late.get(link)):
        assert page.status == 410 and not late.cookie
        assert "has been used" in page.words and "coordinator" in page.words


async def test_of_eight_at_once_one_wins(
    visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    link = await new_link(database, cast.ada, clock)
    racers = [Visitor(visitor.session, visitor.base) for _ in range(8)]
    pages = await asyncio.gather(*(racer.post(link) for racer in racers))
    assert sorted(page.status for page in pages) == [303, *[410] * 7]
    assert len([racer for racer in racers if racer.cookie]) == 1


async def test_a_link_of_yesterday_says_how_to_get_a_new_one(
    visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    link = await new_link(database, cast.ada, clock)
    clock.turn(timedelta(minutes=61))
    for page in (await visitor.get(link), await visitor.post(link)):
        assert page.status == 410
        assert "has expired" in page.words and "hearth coordinator link" in page.words


async def test_the_cookie_is_for_this_host_over_https_alone(
    visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    page = await visitor.post(await new_link(database, cast.ada, clock))
    name, *attributes = page.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-s=") and len(visitor.cookie) == 43
    assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"}


async def test_each_sign_in_has_a_token_of_its_own_and_ends_the_one_before(
    visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await visitor.post(await new_link(database, cast.ada, clock))
    first = visitor.cookie
    await visitor.get("/groups")
    assert (await visitor.post(await new_link(database, cast.ada, clock))).status == 303
    assert visitor.cookie != first
    assert (await Visitor(visitor.session, visitor.base, first).get("/groups")).status == 401


async def test_a_cookie_copied_before_signing_out_is_worth_nothing_after(ada: Visitor) -> None:
    copied = Visitor(ada.session, ada.base, ada.cookie, ada.form_token)
    assert (await copied.get("/groups")).status == 200
    page = await ada.post("/sign-out")
    assert page.headers["Clear-Site-Data"] == '"cache","cookies","storage"' and not ada.cookie
    assert (await copied.get("/groups")).status == 401


async def test_half_an_hour_of_doing_nothing_ends_it(ada: Visitor, clock: TurnedClock) -> None:
    for _ in range(3):
        clock.turn(timedelta(minutes=29))
        assert (await ada.get("/groups")).status == 200
    clock.turn(timedelta(minutes=31))
    assert (await ada.get("/groups")).status == 401


async def test_twelve_hours_end_it_however_busy(ada: Visitor, clock: TurnedClock) -> None:
    for _ in range(28):
        clock.turn(timedelta(minutes=25))
        assert (await ada.get("/groups")).status == 200
    clock.turn(timedelta(minutes=25))
    assert (await ada.get("/groups")).status == 401


async def test_whoever_is_signed_in_goes_straight_to_their_groups(ada: Visitor, visitor: Visitor) -> None:
    assert (await ada.get("/")).location == "/home"
    assert "sign-in link" in (await visitor.get("/")).words


async def test_leaving_quickly_signs_out_and_shows_another_site(ada: Visitor) -> None:
    copied = Visitor(ada.session, ada.base, ada.cookie)
    page = await ada.post("/leave")
    assert page.status == 200 and 'content="0; url=https://www.wikipedia.org/"' in page.text
    assert "Linden" not in page.text and "Clear-Site-Data" in page.headers
    assert (await copied.get("/groups")).status == 401


async def test_leaving_quickly_works_while_the_database_is_down(outsider: Visitor) -> None:
    outsider.cookie = "x" * 43
    page = await outsider.post("/leave")
    assert page.status == 200 and not outsider.cookie


async def test_a_link_that_cannot_be_checked_is_not_lost(outsider: Visitor) -> None:
    page = await outsider.post("/sign-in/" + "x" * 43)
    assert page.status == 503 and "try again" in page.words and page.headers["Retry-After"] == "5"


async def test_guessing_is_slowed_and_a_good_link_is_not_counted(
    visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    for turn in range(20):
        assert (await visitor.get(f"/sign-in/{turn:043d}")).status == 404
    page = await visitor.get(f"/sign-in/{99:043d}")
    assert page.status == 429 and "wait an hour" in page.words
    clock.turn(timedelta(minutes=61))
    assert (await visitor.post(await new_link(database, cast.ada, clock))).status == 303


async def test_what_is_in_the_cookie_is_looked_at_before_the_database_is_asked(
    ada: Visitor, database: Database, signed_in: SignIn
) -> None:
    for nonsense in ("x", "x" * 44, "'; drop table", "é" * 43):
        ada.cookie = nonsense
        before = database.statements
        assert (await ada.get("/groups")).status == 401
        assert database.statements == before


async def test_whoever_cannot_come_in_reads_of_both_ways_to_a_new_link(visitor: Visitor) -> None:
    for path, status in (("/", 200), ("/groups", 401), (f"/sign-in/{0:043d}", 404)):
        page = await visitor.get(path)
        assert page.status == status and "coordinator" in page.words, path
        assert "Or say the word “panel” to the bot, alone with it" in page.words, path
