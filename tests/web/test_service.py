"""The panel as a process: what keeps it from starting is one sentence, and it stops without cutting anybody off."""

import asyncio
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientError

from facilitator.database import Database
from facilitator.errors import Misconfigured
from facilitator.settings import Settings as House
from tests.clock import TurnedClock
from tests.keys import Keys
from tests.web import sample
from tests.web.paths import path_of
from tests.web.sample import Sample
from tests.web.visitor import Visitor, new_session
from web.routes import ROUTES
from web.service import run, why_not
from web.settings import Settings

PROGRAM = """
import asyncio, sys
from pathlib import Path
from deploy import logs
from facilitator.settings import Settings as House
from web.service import run
from web.settings import Settings
logs.configure()
data, port = Path(sys.argv[1]), int(sys.argv[2])
house = House(organisation="Linden House", emergency_number="112", data_dir=data)
asyncio.run(run(house, Settings(port=port, public_url=f"http://localhost:{port}")))
"""


@dataclass(frozen=True)
class Running:
    process: asyncio.subprocess.Process
    port: int


@pytest.fixture
async def running(keys: Keys, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """The panel in a process of its own, ready."""
    keys.people.save(tmp_path / "people.key")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(tmp_path), str(port), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30), new_session() as session:
        while not await answers(Visitor(session, f"http://127.0.0.1:{port}")):
            assert process.returncode is None
            await asyncio.sleep(0.05)
    yield Running(process, port)
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def answers(visitor: Visitor) -> bool:
    try:
        return (await visitor.get("/readyz")).status == 200
    except ClientError:
        return False


async def test_it_stops_at_once_when_asked_to(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(15):
        out, _ = await running.process.communicate()
    assert running.process.returncode == 0
    assert b'"event": "panel serves"' in out and b'"event": "panel stops"' in out


async def test_whoever_is_being_served_is_served_to_the_end(running: Running, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "hearth.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    async with new_session() as session:
        visitor = Visitor(session, f"http://127.0.0.1:{running.port}")
        link = "/sign-in/" + "x" * 43
        asked = asyncio.create_task(visitor.get(link, Host=f"localhost:{running.port}"))
        await asyncio.sleep(0.5)
        running.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert not asked.done()
        other.execute("ROLLBACK")
        other.close()
        page = await asked
    assert page.status == 404 and page.text.rstrip().endswith("</html>")
    async with asyncio.timeout(15):
        await running.process.wait()
    assert running.process.returncode == 0


async def test_a_port_that_is_taken_is_named_with_its_mend(
    keys: Keys, house: House, sqlite_url: str, tmp_path: Path
) -> None:
    keys.people.save(tmp_path / "people.key")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured) as refusal:
            await run(house, Settings(port=port))
    assert refusal.value.sentence.startswith(f"Port {port} on 127.0.0.1 is taken by another program")


@pytest.mark.parametrize(("number", "words"), [(13, "above 1023"), (99, "no address of this machine")])
def test_every_other_reason_has_its_sentence(number: int, words: str) -> None:
    assert words in why_not(OSError(number, "x"), Settings(port=80, host="192.0.2.1"))


async def test_without_its_key_it_does_not_start(house: House, sqlite_url: str) -> None:
    with pytest.raises(Misconfigured, match=r"people\.key"):
        await run(house, Settings(port=0))


async def test_looking_at_a_page_never_waits_for_somebody_who_writes(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    """Every GET is read-only: it is answered while another process holds the right to write."""
    parts = {"group": cast.settled, "series": cast.series, "token": "x" * 43, "file": "panel.css"}
    async with database.transaction() as db:
        await sample.open_group(db, cast.dan, "Elm room", clock.now())
        for route in ROUTES:
            if route.method == "GET":
                async with asyncio.timeout(3):
                    page = await ada.get(path_of(route.path, parts))
                assert page.status in (200, 204, 303, 404, 410), route


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
