"""What the running bridge holds in memory besides its own: a module once loaded is there for years."""

import subprocess
import sys
from pathlib import Path

import pytest

START = """
import gc, sys
from deploy.cli import main
try:
    main(["bridge", "--settings", "nowhere/hearth.toml"])
except SystemExit as ended:
    print(ended.code, gc.get_freeze_count(), *sys.modules)
"""
OTHERS_ALONE = {
    "the panel": {"web.service", "web.pages", "web.forms"},
    "migrations": {"alembic", "mako"},
    "the other commands": {"deploy.demo", "deploy.doctor", "deploy.setup.running"},
    "PostgreSQL": {"psycopg", "sqlalchemy.dialects.postgresql", "facilitator.database.notify"},
    "other databases": {"psycopg2", "pymysql", "MySQLdb", "aiosqlite"},
    "nio's own client": {"nio.client.async_client", "aiohttp_socks", "h2.events", "h11._connection"},
    "another way to call C": {"cffi", "pycparser"},
}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    run = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n{START}"]
    ended = subprocess.run(run, cwd=tmp_path_factory.mktemp("start"), capture_output=True, text=True, check=True)
    status, *found = ended.stdout.split()
    assert status == "2", ended.stderr
    return found


@pytest.fixture(scope="module")
def loaded(started: list[str]) -> set[str]:
    """All that is there when the bridge, its database on SQLite, is about to read its settings."""
    return set(started[1:])


def test_what_was_loaded_is_not_looked_through_for_waste_again_and_again(started: list[str]) -> None:
    assert int(started[0]) > 0


def test_the_bridge_is_among_what_is_loaded(loaded: set[str]) -> None:
    assert {"bridge.service", "nio.crypto", "sqlalchemy.orm", "aiohttp.web"} <= loaded


@pytest.mark.parametrize("whose", OTHERS_ALONE)
def test_the_bridge_does_not_load_what_only_others_need(loaded: set[str], whose: str) -> None:
    assert not loaded & OTHERS_ALONE[whose]


def test_what_the_key_store_went_without_is_there_for_who_asks_later() -> None:
    """PostgreSQL's driver must load after nio did; a stand-in left behind would be found in its place."""
    asked = "import bridge.matrix.ratchets, psycopg, cffi, h11, h2.connection; assert psycopg.connect and h11.Request"
    subprocess.run([sys.executable, "-c", asked], cwd=Path(__file__).parents[2], check=True)
