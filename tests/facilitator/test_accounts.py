"""Links work once and not for long; a cookie ends when it is idle, old, signed out or its account is disabled."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from facilitator import accounts, bots
from facilitator.accounts import SignedIn
from facilitator.database import Database
from facilitator.database.tables import Account, Link, SignIn, Table
from facilitator.errors import Invalid, NotFound, Refused, TooLate
from facilitator.ids import AccountId
from tests import cast
from tests.cast import ADA, BEN, BOT, EVE, Cast
from tests.facilitator.scene import NOW
from tests.keys import Keys

MINUTE, HOUR, INSTANT = timedelta(minutes=1), timedelta(hours=1), timedelta(microseconds=1)


@pytest.fixture
async def people(database: Database) -> Cast:
    return await cast.enter(database, now=NOW)


async def link_for(database: Database, account: AccountId, now: datetime = NOW) -> str:
    async with database.transaction() as db:
        return await accounts.issue_link(db, account, now=now)


async def redeem(database: Database, link: str, now: datetime = NOW) -> str:
    async with database.transaction() as db:
        return await accounts.redeem_link(db, link, browser="Firefox", now=now)


async def sign_in(database: Database, account: AccountId, now: datetime = NOW) -> str:
    return await redeem(database, await link_for(database, account, now), now)


async def signed_in(database: Database, cookie: str, now: datetime = NOW) -> SignedIn | None:
    async with database.reading() as db:
        return await accounts.signed_in(db, cookie, now=now)


async def seen(database: Database, cookie: str, now: datetime) -> None:
    async with database.transaction() as db:
        await accounts.seen(db, cookie, now=now)


async def refusal(database: Database, link: str, now: datetime) -> Refused:
    """What both looking at the link and using it are refused with."""
    with pytest.raises(Refused) as looking:
        async with database.reading() as db:
            await accounts.link_state(db, link, now=now)
    with pytest.raises(Refused) as using:
        await redeem(database, link, now)
    assert (type(looking.value), looking.value.sentence) == (type(using.value), using.value.sentence)
    return using.value


async def disable(database: Database, account: AccountId) -> None:
    async with database.transaction() as db:
        await db.execute(update(Account).where(Account.id == account).values(disabled=NOW))


async def number(database: Database, table: type[Table]) -> int | None:
    async with database.reading() as db:
        return await db.scalar(select(func.count()).select_from(table))


# ------------------------------------------------------------------------------------------------ accounts


async def test_an_account_is_found_by_its_matrix_id_however_it_is_typed(any_database: Database) -> None:
    ada = (await cast.enter(any_database, now=NOW)).ada
    async with any_database.reading() as db:
        assert await accounts.find(db, " @ada:TEST ") == ada
        with pytest.raises(NotFound, match="No account"):
            await accounts.find(db, EVE)
        with pytest.raises(Invalid, match="starts with @"):
            await accounts.find(db, "ada")


@pytest.mark.parametrize(
    ("name", "matrix_id", "field"),
    [
        ("", EVE, "name"), (" \n", EVE, "name"), ("E" * 81, EVE, "name"),
        ("Eve", "", "matrix_id"), ("Eve", "eve", "matrix_id"), ("Eve", ADA, "matrix_id"),
        ("Eve", "@ada:TEST", "matrix_id"),
    ],
)  # fmt: skip
async def test_an_account_that_cannot_be_is_refused_beside_its_field(
    database: Database, people: Cast, name: str, matrix_id: str, field: str
) -> None:
    with pytest.raises(Invalid) as wrong:
        async with database.transaction() as db:
            await accounts.add_coordinator(db, name=name, matrix_id=matrix_id, now=NOW)
    assert wrong.value.field == field
    assert await number(database, Account) == 2


async def test_the_bot_is_no_coordinator(database: Database, people: Cast) -> None:
    async with database.transaction() as db:
        await bots.enrol(db, user_id=BOT, homeserver="http://test", now=NOW)
    with pytest.raises(Invalid, match="bot's own Matrix ID") as wrong:
        async with database.transaction() as db:
            await accounts.add_coordinator(db, name="Hearth", matrix_id=BOT, now=NOW)
    assert wrong.value.field == "matrix_id"
    assert await number(database, Account) == 2


# ------------------------------------------------------------------------------------------------ links


async def test_a_link_signs_in_whom_it_was_made_for(any_database: Database) -> None:
    people = await cast.enter(any_database, now=NOW)
    who = await signed_in(any_database, await sign_in(any_database, people.ada))
    assert who is not None
    assert (who.account_id, who.name, who.role) == (people.ada, "Ada", "coordinator")
    assert who.authenticated == who.last_seen == NOW
    assert "Ada" not in repr(who) and who.form_token not in repr(who)


async def test_looking_at_a_link_uses_nothing_up(database: Database, people: Cast) -> None:
    link = await link_for(database, people.ada)
    for _ in range(3):
        async with database.reading() as db:
            await accounts.link_state(db, link, now=NOW)
    assert await signed_in(database, await redeem(database, link))


async def test_a_link_works_once_and_says_so_ever_after(database: Database, people: Cast) -> None:
    link = await link_for(database, people.ada)
    await redeem(database, link)
    for later in (timedelta(0), 2 * HOUR):
        refused = await refusal(database, link, NOW + later)
        assert isinstance(refused, TooLate) and "has been used" in refused.sentence


async def test_of_eight_at_once_one_is_signed_in(keys: Keys, any_url: str) -> None:
    browsers = [keys.connect(any_url) for _ in range(8)]  # as eight processes: nothing in memory orders them
    link = await link_for(browsers[0], (await cast.enter(browsers[0], now=NOW)).ada)
    for database in browsers:
        await number(database, Link)  # connected before the start
    found = await asyncio.gather(*(redeem(database, link) for database in browsers), return_exceptions=True)
    assert len([each for each in found if isinstance(each, str)]) == 1
    late = [each for each in found if not isinstance(each, str)]
    assert {(type(each), str(each)) for each in late} == {(TooLate, accounts.USED_LINK)} and len(late) == 7
    assert await number(browsers[0], SignIn) == 1
    for database in browsers:
        await database.close()


async def test_a_link_lasts_an_hour(database: Database, people: Cast) -> None:
    link = await link_for(database, people.ada)
    refused = await refusal(database, link, NOW + HOUR)
    assert isinstance(refused, TooLate) and "has expired" in refused.sentence
    assert await signed_in(database, await redeem(database, link, NOW + HOUR - INSTANT), NOW + HOUR)


async def test_a_link_nobody_made_is_not_known(database: Database, people: Cast) -> None:
    for token in ("", "x", "é", "\x00", "a" * 5000, await sign_in(database, people.ada)):
        refused = await refusal(database, token, NOW)
        assert isinstance(refused, NotFound) and "not known" in refused.sentence


async def test_of_tokens_only_a_hash_is_kept(database: Database, people: Cast) -> None:
    cookie = await sign_in(database, people.ada)
    link = await link_for(database, people.ada)
    assert database.file is not None
    kept = database.file.read_bytes()
    for token in (cookie, link):
        assert token.encode() not in kept and accounts.digest(token).encode() in kept


# ------------------------------------------------------------------------------------------------ sign-ins


async def test_a_browser_left_alone_for_half_an_hour_is_signed_out(any_database: Database) -> None:
    cookie = await sign_in(any_database, (await cast.enter(any_database, now=NOW)).ada)
    assert await signed_in(any_database, cookie, NOW + 30 * MINUTE - INSTANT)
    assert await signed_in(any_database, cookie, NOW + 30 * MINUTE) is None
    await seen(any_database, cookie, NOW + 29 * MINUTE)
    assert await signed_in(any_database, cookie, NOW + 58 * MINUTE)


async def test_after_twelve_hours_even_a_busy_browser_is_signed_out(database: Database, people: Cast) -> None:
    cookie = await sign_in(database, people.ada)
    for minutes in range(20, 12 * 60, 20):
        await seen(database, cookie, NOW + minutes * MINUTE)
    assert await signed_in(database, cookie, NOW + 12 * HOUR - INSTANT)
    assert await signed_in(database, cookie, NOW + 12 * HOUR) is None


async def test_being_seen_is_noted_once_a_minute(database: Database, people: Cast) -> None:
    cookie = await sign_in(database, people.ada)
    for second, noted in ((59, 0), (60, 60), (90, 60), (120, 120)):
        await seen(database, cookie, NOW + timedelta(seconds=second))
        who = await signed_in(database, cookie, NOW + 2 * MINUTE)
        assert who is not None and who.last_seen == NOW + timedelta(seconds=noted)


async def test_a_cookie_kept_from_before_signing_out_is_worth_nothing(database: Database, people: Cast) -> None:
    cookie, other = await sign_in(database, people.ada), await sign_in(database, people.ada)
    assert cookie != other
    async with database.transaction() as db:
        await accounts.sign_out(db, cookie)
    await seen(database, cookie, NOW + MINUTE)
    assert await signed_in(database, cookie, NOW + MINUTE) is None
    assert await signed_in(database, other, NOW + MINUTE), "signing out is of one browser"


async def test_a_disabled_account_is_out_at_once_and_its_links_are_dead(database: Database, people: Cast) -> None:
    cookie, link = await sign_in(database, people.ada), await link_for(database, people.ada)
    await disable(database, people.ada)
    assert await signed_in(database, cookie) is None
    assert isinstance(await refusal(database, link, NOW), NotFound)


async def test_what_has_expired_is_cleared_away_by_the_next_sign_in(any_database: Database) -> None:
    people = await cast.enter(any_database, now=NOW)
    await sign_in(any_database, people.ada)
    await link_for(any_database, people.ada)
    await sign_in(any_database, people.dan, NOW + 29 * MINUTE)
    assert await number(any_database, SignIn) == 2, "both are in use"
    await sign_in(any_database, people.dan, NOW + 30 * MINUTE)
    assert await number(any_database, SignIn) == 2, "the idle one is gone"
    await sign_in(any_database, people.dan, NOW + 14 * HOUR)
    assert (await number(any_database, SignIn), await number(any_database, Link)) == (1, 1)


async def test_nobody_is_signed_in_by_a_cookie_that_was_never_given(database: Database, people: Cast) -> None:
    for cookie in ("", BEN, "\x00", await link_for(database, people.ada)):
        assert await signed_in(database, cookie) is None
