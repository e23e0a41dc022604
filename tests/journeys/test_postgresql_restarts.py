"""PostgreSQL falls over while reminders go out, and comes back: the pool heals, nothing is lost, nothing said twice."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from facilitator.database import Unavailable
from tests import cast, postgres
from tests.cast import BEN
from tests.clock import TurnedClock
from tests.fake_homeserver import FakeHomeserver
from tests.journeys.running import Running
from tests.keys import Keys, migrate
from tests.postgres import Server

pytestmark = pytest.mark.postgres
SESSIONS = 30


class Fragile:
    """A server of its own: others use the common one."""

    def __init__(self, folder: Path) -> None:
        self.server: Server = postgres.start(folder)
        postgres.wait_until_ready(self.server)

    def falls_over(self) -> None:
        """As `pg_ctl stop -m immediate`: no session is asked to end first."""
        self.server.process.send_signal(signal.SIGQUIT)
        self.server.process.wait(postgres.READY_SECONDS)

    def comes_back(self) -> None:
        folder, who = self.server.folder, postgres.unprivileged()
        home = postgres.programs()
        assert home is not None
        hasty = [part for setting in postgres.HASTY for part in ("-c", setting)]
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [home / "postgres", "-D", folder / "data", "-k", folder, *hasty],
                stdout=log, stderr=log, cwd=folder, start_new_session=True, preexec_fn=postgres.go_with_the_tests,
                **who,
            )  # fmt: skip
        self.server = Server(folder, process)
        postgres.wait_until_ready(self.server)


@pytest.fixture
def fragile(keys: Keys) -> Iterator[Fragile]:
    folder = Path(tempfile.mkdtemp(prefix="hearth-pg-", dir="/tmp"))
    made = Fragile(folder)
    try:
        made.server.administer("CREATE DATABASE hearth")
        migrate(made.server.url("hearth"), keys)
        yield made
    finally:
        made.server.process.send_signal(signal.SIGINT)
        made.server.process.wait(postgres.READY_SECONDS)
        shutil.rmtree(folder)


@pytest.fixture
async def house(fragile: Fragile, keys: Keys, clock: TurnedClock) -> AsyncIterator[Running]:
    database = keys.connect(fragile.server.url("hearth"))
    made = Running(database, FakeHomeserver(clock), clock, await cast.enter(database, now=clock.now()))
    await made.start()
    yield made
    await database.close()


async def passes_of(house: Running, number: int) -> int:
    """So many passes of each loop. Returns how many the database did not serve."""
    failed = 0
    for _ in range(number):
        for pass_once in house.passes:
            try:
                await pass_once()
            except Unavailable:
                failed += 1
    return failed


async def test_while_reminders_go_out_postgresql_falls_over_and_comes_back(house: Running, fragile: Fragile) -> None:
    assert house.sender is not None
    group = await house.open_group()
    await house.member(group, BEN)
    room = await house.matrix_room(group)
    for number in range(SESSIONS):
        await house.schedule(group, weekday=1, at=f"11:{number:02}", zone="UTC")
    await house.passes[1]()
    for _ in range(3):
        await house.sender.pass_once()
    await house.sender.lanes.all_ended()  # something is said, and not written down
    fragile.falls_over()
    assert await passes_of(house, 2) >= 6
    await house.person(BEN).say(room, "!help")
    fragile.comes_back()
    for _ in range(5):
        with suppress(Unavailable):
            await house.settle()
            break
        house.clock.turn(timedelta(seconds=10))
    said = [text.split()[0] for text in house.said(room)]
    assert (said.count("See"), said.count("Thank"), len(said)) == (SESSIONS, 1, SESSIONS + 2)
    assert await house.waiting() == []
