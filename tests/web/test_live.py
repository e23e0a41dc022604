"""Pages that follow what happens: told that they have changed and nothing else, no longer than a sign-in lasts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import ClientResponse
from aiohttp.web import Application

from facilitator import accounts, members, sightings
from facilitator.accounts import SignedIn
from facilitator.database import Database
from facilitator.errors import NotFound
from facilitator.ids import AccountId, new_id
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.sample import Sample
from tests.web.visitor import HOST, Visitor
from web import keys, live
from web.live import EVERY, HOME, SOON, Live, Stream

NEVER = False


async def signed_in(database: Database, account: AccountId, clock: TurnedClock) -> tuple[SignedIn, str]:
    token, _ = await sample.sign_in(database, account, clock.now())
    async with database.reading() as db:
        found = await accounts.signed_in(db, token, now=clock.now())
    assert found is not None
    return found, token


@pytest.fixture
async def watching(database: Database, clock: TurnedClock) -> AsyncIterator[Live]:
    watcher = Live(database, clock)
    yield watcher
    await watcher.stop()
    assert watcher.open == 0


async def follow(watching: Live, who: tuple[SignedIn, str], page: str = HOME) -> Stream:
    found = await watching.follow(*who, page, gone=lambda: NEVER)
    assert found is not None
    return found


async def told(clock: TurnedClock, stream: Stream, after: timedelta = EVERY) -> str:
    """What a stream is told once the watcher has looked."""
    await clock.somebody_sleeps()
    clock.turn(after)
    async with asyncio.timeout(5):
        return await stream.next()


async def invite(database: Database, cast: Sample, clock: TurnedClock, name: str = "new") -> None:
    async with database.transaction() as db:
        await members.invite(db, by=cast.ada, group_id=cast.settled, matrix_id=f"@{name}:chat.test", now=clock.now())


async def test_a_page_is_told_that_it_has_changed_and_another_is_not(
    watching: Live, database: Database, cast: Sample, clock: TurnedClock
) -> None:
    ada, dan = await signed_in(database, cast.ada, clock), await signed_in(database, cast.dan, clock)
    home, group = await follow(watching, ada), await follow(watching, ada, cast.settled)
    other, dans = await follow(watching, ada, cast.new), await follow(watching, dan)
    assert [await told(clock, home), *[await each.next() for each in (group, other, dans)]] == [""] * 4
    clock.turn(timedelta(seconds=1))
    await invite(database, cast, clock)
    assert [await told(clock, home), *[await each.next() for each in (group, other, dans)]] == [
        "changed", "changed", "", "",
    ]  # fmt: skip
    async with database.transaction() as db:
        room = await sample.rooms.group_room_id(db, cast.new)
        await sightings.in_trouble(db, room, "room_lost", now=clock.now())
    assert [await told(clock, home), *[await each.next() for each in (group, other, dans)]] == [
        "changed", "", "changed", "",
    ]  # fmt: skip


async def test_what_was_done_here_is_looked_at_soon(
    watching: Live, database: Database, cast: Sample, clock: TurnedClock
) -> None:
    home = await follow(watching, await signed_in(database, cast.ada, clock))
    await clock.somebody_sleeps()
    clock.turn(timedelta(seconds=1))
    await invite(database, cast, clock)
    watching.stir()
    while clock.sleepers < 2:
        await asyncio.sleep(0)
    clock.turn(SOON)
    async with asyncio.timeout(5):
        assert await home.next() == "changed"


async def test_however_many_look_the_database_is_asked_once_for_all(
    watching: Live, database: Database, cast: Sample, clock: TurnedClock
) -> None:
    streams = []
    for account in (cast.ada, cast.dan):
        who = await signed_in(database, account, clock)
        streams += [await follow(watching, who) for _ in range(3)]
    streams.append(await follow(watching, await signed_in(database, cast.ada, clock), cast.settled))
    before = database.statements
    assert await told(clock, streams[0]) == ""
    assert database.statements - before == 7
    await clock.somebody_sleeps()
    clock.turn(EVERY - timedelta(milliseconds=1))
    for _ in range(20):
        await asyncio.sleep(0)
    assert database.statements - before == 7


async def test_it_ends_with_the_sign_in_and_keeps_none_alive(
    watching: Live, database: Database, cast: Sample, clock: TurnedClock
) -> None:
    first, second = await signed_in(database, cast.ada, clock), await signed_in(database, cast.ada, clock)
    left, stays = await follow(watching, first), await follow(watching, second)
    async with database.transaction() as db:
        await accounts.sign_out(db, first[1])
    assert (await told(clock, left), await stays.next()) == ("over", "")
    assert await told(clock, stays, accounts.IDLE) == "over"
    assert watching.open == 0


async def test_who_has_many_open_loses_the_oldest_and_all_have_a_limit(
    watching: Live, database: Database, cast: Sample, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, dan = await signed_in(database, cast.ada, clock), await signed_in(database, cast.dan, clock)
    streams = [await follow(watching, ada) for _ in range(live.OF_ONE + 1)]
    async with asyncio.timeout(5):
        assert await streams[0].next() == "over"
    assert watching.open == live.OF_ONE
    monkeypatch.setattr(live, "OF_ALL", live.OF_ONE)
    assert await watching.follow(*dan, HOME, gone=lambda: NEVER) is None
    streams[1].gone = lambda: True  # a browser that hung up makes place
    assert await watching.follow(*dan, HOME, gone=lambda: NEVER) is not None


async def test_what_is_anothers_cannot_be_followed(
    watching: Live, database: Database, cast: Sample, clock: TurnedClock
) -> None:
    dan = await signed_in(database, cast.dan, clock)
    for page in (cast.settled, new_id()):
        with pytest.raises(NotFound):
            await watching.follow(*dan, page, gone=lambda: NEVER)


@asynccontextmanager
async def opened(visitor: Visitor, page: str) -> AsyncIterator[ClientResponse]:
    headers = {"Host": HOST, "Sec-Fetch-Site": "same-origin", "Cookie": f"__Host-s={visitor.cookie}"}
    async with visitor.session.get(f"{visitor.base}/events?page={page}", headers=headers) as answer:
        yield answer


async def test_nothing_but_a_change_is_said_and_nothing_holds_it_up(
    ada: Visitor, app: Application, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    async with opened(ada, cast.settled) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Accel-Buffering"] == "no"
        assert await answer.content.readuntil(b"\n\n") == b"retry: 15000\n\n"
        await clock.somebody_sleeps()
        clock.turn(EVERY)
        assert await answer.content.readuntil(b"\n\n") == b":\n\n"
        await invite(database, cast, clock)
        await clock.somebody_sleeps()
        clock.turn(EVERY)
        assert await answer.content.readuntil(b"\n\n") == b"event: changed\ndata: page\n\n"
        await app[keys.LIVE].stop()
        assert await answer.content.read() == b"event: over\ndata: page\n\n"


async def test_a_browser_that_hangs_up_is_forgotten(
    ada: Visitor, app: Application, cast: Sample, clock: TurnedClock
) -> None:
    async with opened(ada, HOME) as answer:
        await answer.content.readuntil(b"\n\n")
        answer.close()
    async with asyncio.timeout(5):
        while app[keys.LIVE].open:
            clock.turn(EVERY)
            await asyncio.sleep(0.01)


async def test_what_cannot_be_followed_ends_at_once(dan: Visitor, visitor: Visitor, cast: Sample) -> None:
    assert (await dan.get("/events")).status == 204
    for page in (cast.settled, new_id(), "x"):
        assert (await dan.get(f"/events?page={page}")).status == 404
    visitor.cookie = ""
    assert (await visitor.get("/events?page=home")).status == 401


async def test_a_page_that_asks_by_itself_keeps_no_sign_in_alive(
    ada: Visitor, clock: TurnedClock, cast: Sample
) -> None:
    clock.turn(accounts.IDLE - timedelta(seconds=30))
    assert (await ada.get("/home", Hearth_By_Itself="1")).status == 200
    async with opened(ada, HOME) as answer:
        assert answer.status == 200
    clock.turn(timedelta(minutes=1))
    assert (await ada.get("/home")).status == 401
