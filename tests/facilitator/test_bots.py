"""One process at a time holds an account, by the database's own clock; its secrets open with bridge.key alone."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from facilitator import bots
from facilitator.database import Database, KeyRing, connect
from facilitator.database.keys import CannotOpen
from facilitator.database.tables import Lease
from facilitator.database.types import RingMissing
from facilitator.ids import BotId
from tests.cast import BOT, EVE
from tests.facilitator.scene import NOW
from tests.keys import Keys

MINUTE = timedelta(minutes=1)
OVER = timedelta(seconds=-1)
"""A lease that ran out a second ago, whatever the clock says."""


async def enrol(database: Database, *, homeserver: str = "http://test") -> BotId:
    async with database.transaction() as db:
        return (await bots.enrol(db, user_id=BOT, homeserver=homeserver, now=NOW)).id


async def hold(
    database: Database, bot: BotId, holder: str, *, lasts: timedelta = MINUTE, takes_over: str = ""
) -> int | None:
    async with database.transaction() as db:
        return await bots.hold(db, bot, holder=holder, lasts=lasts, takes_over=takes_over)


async def holds(database: Database, bot: BotId, holder: str, epoch: int) -> bool:
    async with database.reading() as db:
        return await bots.holds(db, bot, holder=holder, epoch=epoch)


# ------------------------------------------------------------------------------------------------ the lease


async def test_one_process_holds_an_account_and_renewing_changes_nothing(any_database: Database) -> None:
    bot = await enrol(any_database)
    assert [await hold(any_database, bot, "a") for _ in range(3)] == [1, 1, 1]
    assert await hold(any_database, bot, "b") is None
    assert await holds(any_database, bot, "a", 1)
    assert not await holds(any_database, bot, "b", 1) and not await holds(any_database, bot, "a", 2)


async def test_of_many_that_start_at_once_one_holds_the_account(keys: Keys, any_url: str) -> None:
    processes = [keys.connect(any_url) for _ in range(6)]
    bot = await enrol(processes[0])
    for database in processes:
        assert not await holds(database, bot, "nobody", 1)  # connected before the start
    found = await asyncio.gather(*(hold(database, bot, str(n)) for n, database in enumerate(processes)))
    assert sorted(found, key=str) == [1, None, None, None, None, None]
    for database in processes:
        await database.close()


async def test_a_lease_that_ran_out_changes_hands_and_the_old_holder_notices(any_database: Database) -> None:
    bot = await enrol(any_database)
    assert await hold(any_database, bot, "a", lasts=OVER) == 1
    assert not await holds(any_database, bot, "a", 1), "nobody holds what ran out"
    assert await hold(any_database, bot, "b") == 2
    assert await hold(any_database, bot, "a") is None
    assert await holds(any_database, bot, "b", 2) and not await holds(any_database, bot, "a", 1)


async def test_a_process_that_comes_back_in_time_goes_on_where_it_was(any_database: Database) -> None:
    bot = await enrol(any_database)
    assert await hold(any_database, bot, "a", lasts=OVER) == 1
    assert await hold(any_database, bot, "a") == 1
    assert await holds(any_database, bot, "a", 1)


@pytest.mark.parametrize(("holder", "epoch"), [("here:1", 2), ("there:1", None), ("her", None), ("", None)])
async def test_only_the_dead_of_this_machine_are_taken_over(database: Database, holder: str, epoch: int | None) -> None:
    bot = await enrol(database)
    await hold(database, bot, holder)
    assert await hold(database, bot, "here:2", takes_over="here:") == epoch


async def test_who_lets_go_leaves_the_account_to_the_next_and_nobody_lets_go_for_others(
    any_database: Database,
) -> None:
    bot = await enrol(any_database)
    await hold(any_database, bot, "a")
    for holder, next_epoch in (("b", None), ("a", 2)):
        async with any_database.transaction() as db:
            await bots.let_go(db, bot, holder=holder)
        assert await hold(any_database, bot, "c") == next_epoch
    assert not await holds(any_database, bot, "a", 1)


async def test_a_lease_runs_by_the_databases_clock(any_database: Database) -> None:
    bot = await enrol(any_database)
    await hold(any_database, bot, "a", lasts=timedelta(hours=1))
    async with any_database.reading() as db:
        expires = (await db.scalars(select(Lease.expires))).one()
    assert abs(expires - datetime.now(UTC) - timedelta(hours=1)) < MINUTE


# ------------------------------------------------------------------------------------------------ the account


async def test_an_account_is_enrolled_once_and_follows_its_homeserver(any_database: Database) -> None:
    assert await enrol(any_database) == await enrol(any_database, homeserver="http://moved")
    async with any_database.transaction() as db:
        bot = await bots.enrol(db, user_id=BOT, homeserver="http://moved", now=NOW)
        other = await bots.enrol(db, user_id=EVE, homeserver="http://test", now=NOW)
    assert (bot.homeserver, bot.device_id, bot.access_token) == ("http://moved", None, None)
    assert other.id != bot.id


SEEDS = {"master": "canary-m", "self_signing": "canary-s", "user_signing": "canary-u"}


async def with_secrets(database: Database) -> BotId:
    bot = await enrol(database)
    async with database.transaction() as db:
        assert await bots.seeds(db, bot) is None
        await bots.signed_in(db, bot, device_id="DEVICE", access_token="canary-t")
        await bots.has_identity(db, bot, seeds=SEEDS, master_key="public")
    return bot


async def test_token_and_seeds_come_back_to_the_bridge(any_database: Database) -> None:
    bot = await with_secrets(any_database)
    async with any_database.transaction() as db:
        kept = await bots.enrol(db, user_id=BOT, homeserver="http://test", now=NOW)
        assert await bots.seeds(db, bot) == SEEDS
    assert (kept.device_id, kept.access_token) == ("DEVICE", "canary-t")
    assert "canary" not in repr(kept)


async def test_what_tells_the_latest_keys_is_kept_with_the_account(any_database: Database) -> None:
    bot = await enrol(any_database)
    async with any_database.transaction() as db:
        assert await bots.known(db, EVE) is None
        await bots.signed_in(db, bot, device_id="D", access_token="t", login="application_service")
        await bots.has_marks(db, bot, ["confirmed", "on its way"])
        await bots.has_identity(db, bot, seeds={"master": "s"}, master_key="public")
    async with any_database.reading() as db:
        known = await bots.known(db, BOT)
    assert known is not None
    assert (known.login, known.marks, known.master_key) == (
        "application_service", ("confirmed", "on its way"), "public",
    )  # fmt: skip


async def test_what_a_lost_key_had_sealed_is_cleared_without_it_and_the_rest_stays(
    keys: Keys, any_url: str, any_database: Database
) -> None:
    bot = await enrol(any_database)
    async with any_database.transaction() as db:
        await bots.signed_in(db, bot, device_id="D", access_token="t")
        await bots.has_identity(db, bot, seeds={"master": "s"}, master_key="public")
    with_another_key = connect(any_url, people=keys.people, bridge=KeyRing.new())
    async with with_another_key.transaction() as db:
        await bots.forget_secrets(db, BOT)
    await with_another_key.close()
    async with any_database.reading() as db:
        known = await bots.known(db, BOT)
        assert await bots.seeds(db, bot) is None
    assert known is not None
    assert (known.device_id, known.access_token, known.master_key) == (None, None, "public")


async def test_without_bridge_key_nothing_secret_opens(keys: Keys, any_url: str, any_database: Database) -> None:
    bot = await with_secrets(any_database)
    for ring, error in ((None, RingMissing), (KeyRing.new(), CannotOpen)):
        panel = connect(any_url, people=keys.people, bridge=ring)
        with pytest.raises(error):
            async with panel.reading() as db:
                await bots.seeds(db, bot)
        with pytest.raises(error):
            async with panel.transaction() as db:
                await bots.enrol(db, user_id=BOT, homeserver="http://test", now=NOW)
        await panel.close()


async def test_on_disk_there_is_no_secret_to_read(database: Database) -> None:
    await with_secrets(database)
    assert database.file is not None and b"canary" not in database.file.read_bytes()
