"""The bell: heard at once, rings become one, and nothing about it ever raises."""

import asyncio
import os
import socket
import stat
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from facilitator.database import notify
from facilitator.database.notify import NotifyBell, conninfo
from facilitator.database.wakeup import Bell, SocketBell, open_bell
from tests.postgres import Server

NOT_AT_ALL = timedelta(0)
A_MOMENT = timedelta(milliseconds=80)
LONG = timedelta(seconds=20)

Opener = Callable[[], Bell]


@pytest.fixture
async def bells(any_url: str, tmp_path: Path) -> AsyncIterator[Opener]:
    """Bells of one database, as its processes open them; closed at the end."""
    opened: list[Bell] = []

    def another() -> Bell:
        opened.append(open_bell(any_url, tmp_path))
        return opened[-1]

    yield another
    for bell in opened:
        await bell.close()


async def listening(bell: Bell) -> Bell:
    """The first wait begins to listen; on PostgreSQL it rings once when it does."""
    await bell.wait(timedelta(seconds=5) if isinstance(bell, NotifyBell) else NOT_AT_ALL)
    return bell


async def test_who_waits_hears_at_once(bells: Opener) -> None:
    bridge, panel = await listening(bells()), bells()
    waiting = asyncio.create_task(bridge.wait(LONG))
    await asyncio.sleep(0)
    begun = time.monotonic()
    await panel.ring()
    assert await waiting
    assert time.monotonic() - begun < 5


async def test_a_ring_before_the_wait_is_not_lost_and_many_become_one(bells: Opener) -> None:
    bridge, panel = await listening(bells()), bells()
    for _ in range(300):
        await panel.ring()
    assert await bridge.wait(LONG)
    more = [await bridge.wait(A_MOMENT) for _ in range(20)]  # PostgreSQL may deliver the rest a little later
    assert more.count(True) < 20 and not more[-1]


async def test_without_a_ring_the_wait_ends_by_itself(bells: Opener) -> None:
    bridge = await listening(bells())
    begun = time.monotonic()
    assert not await bridge.wait(A_MOMENT)
    assert time.monotonic() - begun >= A_MOMENT.total_seconds() * 0.9


async def test_all_who_wait_in_one_process_hear_it(bells: Opener) -> None:
    bridge, panel = await listening(bells()), bells()
    waiting = [asyncio.create_task(bridge.wait(LONG)) for _ in range(3)]
    await asyncio.sleep(0)
    await panel.ring()
    assert all(await asyncio.gather(*waiting))


async def test_ringing_when_nobody_waits_is_no_error(bells: Opener) -> None:
    await bells().ring()


async def test_closing_twice_or_unused_is_no_error(bells: Opener) -> None:
    bell = bells()
    await bell.close()
    await bell.ring()
    await bell.close()


async def test_the_socket_is_this_users_alone_and_goes_with_its_owner(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        bell = await listening(SocketBell(tmp_path / "bell.socket"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "bell.socket").lstat().st_mode) == 0o600
    await bell.close()
    assert not (tmp_path / "bell.socket").exists()


async def test_a_socket_left_by_a_process_that_died_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(str(tmp_path / "bell.socket"))
    left.close()
    ringer = SocketBell(tmp_path / "bell.socket")
    await ringer.ring()
    bell = await listening(SocketBell(tmp_path / "bell.socket"))
    await ringer.ring()
    assert await bell.wait(LONG)
    await bell.close()


async def test_the_bell_of_a_process_that_lives_is_not_taken_but_inherited(tmp_path: Path) -> None:
    first, second = (SocketBell(tmp_path / "bell.socket") for _ in range(2))
    await listening(first)
    await listening(second)
    await second.ring()
    assert await first.wait(LONG) and not await second.wait(NOT_AT_ALL)
    await first.close()
    await listening(second)
    await first.ring()
    assert await second.wait(LONG)
    await second.close()


async def test_a_socket_somebody_removed_comes_back_with_the_next_wait(tmp_path: Path) -> None:
    bell = await listening(SocketBell(tmp_path / "bell.socket"))
    (tmp_path / "bell.socket").unlink()
    await listening(bell)
    await SocketBell(tmp_path / "bell.socket").ring()
    assert await bell.wait(LONG)
    await bell.close()


async def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bell.socket").write_text("a letter")
    bell = SocketBell(tmp_path / "bell.socket")
    assert not await bell.wait(NOT_AT_ALL)
    await bell.ring()
    await bell.close()
    assert (tmp_path / "bell.socket").read_text() == "a letter"


async def test_a_folder_that_is_gone_costs_the_ring_and_nothing_else(tmp_path: Path) -> None:
    bell = SocketBell(tmp_path / "gone" / "bell.socket")
    await bell.ring()
    assert not await bell.wait(NOT_AT_ALL)
    await bell.close()


async def test_a_path_longer_than_a_socket_may_have_works_all_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 20) / ("way" * 20)
    deep.mkdir(parents=True)
    bell, ringer = SocketBell(deep / "bell.socket"), SocketBell(deep / "bell.socket")
    await listening(bell)
    await ringer.ring()
    assert await bell.wait(LONG)
    assert (deep / "bell.socket").is_socket()
    await bell.close()


@pytest.mark.postgres
async def test_a_lost_connection_comes_back_by_itself(
    postgres_server: Server, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "RECONNECT_SECONDS", 0.05)
    async with closing(open_bell(postgres_url, Path()), open_bell(postgres_url, Path())) as (bridge, panel):
        await listening(bridge)
        await panel.ring()
        assert await bridge.wait(LONG)
        cut_off(postgres_server)
        assert await bridge.wait(LONG)  # what was rung meanwhile went by unheard, so it looks once more
        await panel.ring()
        assert await bridge.wait(LONG)


def cut_off(server: Server) -> None:
    server.administer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hearth bell'")


@asynccontextmanager
async def closing(*bells: Bell) -> AsyncIterator[tuple[Bell, ...]]:
    try:
        yield bells
    finally:
        for bell in bells:
            await bell.close()


async def test_a_postgresql_that_is_away_costs_the_ring_and_nothing_else(tmp_path: Path) -> None:
    async with closing(open_bell(f"postgresql:///hearth?host={tmp_path}", tmp_path)) as (bell,):
        await bell.ring()
        assert not await bell.wait(A_MOMENT)


def test_the_bell_goes_where_the_database_goes() -> None:
    told = conninfo(make_url("postgresql+psycopg://me:secret@db.example:5433/hearth?sslrootcert=/ca"))
    for part in ("host=db.example", "port=5433", "user=me", "password=secret", "dbname=hearth", "sslmode=verify-full"):
        assert part in told


def test_a_bell_never_shows_the_password(tmp_path: Path) -> None:
    assert "secret" not in repr(open_bell("postgresql://me:secret@localhost/hearth", tmp_path))
