"""The bot account at the start: one bridge holds it, and what keeps it from starting is one sentence with its mend."""

import asyncio
import os
from pathlib import Path

import pytest

from bridge import account, signing_in
from bridge.house import Held, LeaseLost
from bridge.matrix.keystore import KeyStore
from bridge.settings import LEASE, Settings
from deploy import ports
from facilitator import bots
from facilitator.database import Database
from facilitator.errors import ForNow, Misconfigured
from tests.cast import BOT
from tests.clock import TurnedClock
from tests.keys import Keys

LIMIT = 60
"""Seconds after which a test that waits has failed."""
SETTINGS = Settings(homeserver="http://127.0.0.1:1", user_id=BOT)


@pytest.fixture
def hurrying() -> TurnedClock:
    return TurnedClock(hurrying=True)


# ----------------------------------------------------------------------------------------- one bridge to a folder


def test_a_data_folder_has_one_bridge_at_a_time_even_in_one_process(tmp_path: Path) -> None:
    with account.only_one(tmp_path):
        for _ in range(2):
            with pytest.raises(Misconfigured) as refused, account.only_one(tmp_path):
                raise AssertionError("held twice")
            assert refused.value.sentence == account.RUNS_ALREADY
    with account.only_one(tmp_path):
        pass


def test_a_bridge_that_fails_lets_the_folder_go_and_another_folder_was_free_all_along(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(ZeroDivisionError), account.only_one(tmp_path):
        with account.only_one(tmp_path / "other"):
            pass
        raise ZeroDivisionError
    with account.only_one(tmp_path):
        pass


def test_the_machines_name_in_leases_is_the_same_after_a_restart_and_another_for_another_folder(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    names = []
    for folder in (tmp_path, tmp_path, tmp_path / "other"):
        with account.only_one(folder) as machine:
            names.append(machine)
    assert names[0] == names[1] != names[2]
    assert (tmp_path / "bridge.lock").stat().st_mode & 0o077 == 0


# ------------------------------------------------------------------------------------------------------ the lease


async def claim(database: Database, machine: str, clock: TurnedClock) -> Held:
    _, held = await account.claim(database, SETTINGS, machine=machine, clock=clock)
    return held


async def test_an_account_held_elsewhere_is_refused_until_it_is_let_go(
    any_database: Database, clock: TurnedClock
) -> None:
    held = await claim(any_database, "here:1", clock)
    with pytest.raises(ForNow) as refused:
        await claim(any_database, "there:2", clock)
    assert refused.value.sentence == account.HELD_ELSEWHERE
    await account.let_go(any_database, held.bot, held.holder)
    assert (await claim(any_database, "there:2", clock)).epoch == held.epoch + 1


async def test_what_this_machines_dead_process_held_is_taken_over_at_once(
    any_database: Database, clock: TurnedClock
) -> None:
    async with any_database.transaction() as db:
        bot = await bots.enrol(db, user_id=BOT, homeserver="http://127.0.0.1:1", now=clock.now())
        await bots.hold(db, bot.id, holder="here:1:0", lasts=LEASE)
    held = await claim(any_database, "here:1", clock)
    assert (held.holder, held.epoch) == (f"here:1:{os.getpid()}", 2)
    with pytest.raises(ForNow):
        await claim(any_database, "here:11", clock)  # another folder's lock file, though it begins alike


async def test_the_account_is_enrolled_once_and_follows_its_homeservers_address(
    database: Database, clock: TurnedClock
) -> None:
    first, _ = await account.claim(database, SETTINGS, machine="here:1", clock=clock)
    moved = SETTINGS.model_copy(update={"homeserver": "https://matrix.example.org"})
    second, _ = await account.claim(database, moved, machine="here:1", clock=clock)
    assert first.id == second.id
    assert second.homeserver == "https://matrix.example.org"


async def test_a_lease_that_another_process_took_is_lost(any_database: Database, hurrying: TurnedClock) -> None:
    held = await claim(any_database, "here:1", hurrying)
    await account.let_go(any_database, held.bot, held.holder)
    async with any_database.transaction() as db:
        await bots.hold(db, held.bot, holder="there:2:1", lasts=LEASE)
    with pytest.raises(LeaseLost):
        async with asyncio.timeout(LIMIT):
            await account.keep_holding(any_database, held, hurrying)


async def test_a_lease_that_was_lost_in_between_and_taken_anew_is_lost_all_the_same(
    any_database: Database, hurrying: TurnedClock
) -> None:
    held = await claim(any_database, "here:1", hurrying)
    for holder in ("there:2:1", held.holder):
        async with any_database.transaction() as db:
            await bots.hold(db, held.bot, holder=holder, lasts=LEASE, takes_over="here:" if holder[0] == "t" else "t")
    with pytest.raises(LeaseLost):
        async with asyncio.timeout(LIMIT):
            await account.keep_holding(any_database, held, hurrying)


async def test_without_its_database_it_stops_by_its_own_clock_well_before_the_lease_ends(
    keys: Keys, database: Database, hurrying: TurnedClock
) -> None:
    held = await claim(database, "here:1", hurrying)
    nowhere = keys.connect(f"postgresql://hearth@127.0.0.1:{ports.any_free()}/hearth")
    with pytest.raises(LeaseLost):
        async with asyncio.timeout(LIMIT):
            await account.keep_holding(nowhere, held, hurrying)
    await nowhere.close()
    assert LEASE / 2 < (stopped := hurrying.now() - TurnedClock().now()) <= LEASE * 2 / 3, stopped


async def test_letting_go_where_the_database_is_away_hides_nothing_and_the_lease_ends_by_itself(
    keys: Keys, database: Database, clock: TurnedClock
) -> None:
    held = await claim(database, "here:1", clock)
    nowhere = keys.connect(f"postgresql://hearth@127.0.0.1:{ports.any_free()}/hearth")
    await account.let_go(nowhere, held.bot, held.holder)
    await nowhere.close()


async def test_a_database_that_comes_back_in_time_costs_nothing(
    keys: Keys, database: Database, clock: TurnedClock
) -> None:
    held = await claim(database, "here:1", clock)
    nowhere = keys.connect(f"postgresql://hearth@127.0.0.1:{ports.any_free()}/hearth")
    renewed = clock.monotonic()
    clock.turn(LEASE / 2)
    assert await account._renew(nowhere, held, clock, renewed) == renewed
    assert await account._renew(database, held, clock, renewed) == clock.monotonic()
    await nowhere.close()


# --------------------------------------------------------------------------------------------- the first sign-in


async def refused(database: Database, keys: Keys, clock: TurnedClock, file: Path | None, folder: Path) -> str:
    settings = SETTINGS.model_copy(update={"password_file": file})
    bot, _ = await account.claim(database, settings, machine="here:1", clock=clock)
    store = KeyStore(folder / "keystore.db", keys.bridge.derived("keystore"))
    with pytest.raises(Misconfigured) as refusal:
        await signing_in.start(database, bot, settings, store, clock=clock)
    assert "hunter2" not in refusal.value.sentence
    return refusal.value.sentence


async def test_without_a_password_the_first_start_names_the_command_that_signs_in(
    database: Database, keys: Keys, clock: TurnedClock, tmp_path: Path
) -> None:
    assert await refused(database, keys, clock, None, tmp_path) == ("The bot is not signed in yet: run `hearth setup`.")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
async def test_a_password_others_can_read_is_refused_with_its_mend(
    database: Database, keys: Keys, clock: TurnedClock, tmp_path: Path, mode: int
) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2")
    file.chmod(mode)
    said = await refused(database, keys, clock, file, tmp_path)
    assert said == f"{file} can be read by others: run `chmod 600 {file}`."


async def test_a_password_file_that_is_not_there_or_no_file_is_one_sentence(
    database: Database, keys: Keys, clock: TurnedClock, tmp_path: Path
) -> None:
    missing, folder = tmp_path / "password", tmp_path / "folder"
    folder.mkdir(mode=0o700)
    assert await refused(database, keys, clock, missing, tmp_path) == (
        f"The secret file {missing} cannot be read: No such file or directory."
    )
    assert await refused(database, keys, clock, folder, tmp_path) == (
        f"The secret file {folder} cannot be read: Is a directory."
    )


async def test_its_identity_is_kept_sealed_and_found_again(database: Database, clock: TurnedClock) -> None:
    bot, _ = await account.claim(database, SETTINGS, machine="here:1", clock=clock)
    identity = account.StoredIdentity(database, bot)
    assert await identity.load() is None
    await identity.keep({"master": "c2VjcmV0"}, "public")
    assert await account.StoredIdentity(database, bot).load() == {"master": "c2VjcmV0"}
    assert database.file is not None
    stored = b"".join(file.read_bytes() for file in database.file.parent.glob("hearth.db*"))
    assert b"c2VjcmV0" not in stored and b"public" in stored
