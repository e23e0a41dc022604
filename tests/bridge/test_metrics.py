"""What a watcher is told in Prometheus's words: true figures, by kind, and nobody's name."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from bridge import health, service
from bridge.counts import Counts
from bridge.vitals import Vitals
from deploy import ports
from facilitator.database import Database
from facilitator.ids import BotId
from tests.cast import BEN
from tests.journeys.running import Running
from tests.keys import Keys

Figures = dict[tuple[str, str], float]
LABELS = {"loop", "priority", "outcome", "trouble", "state", "kind"}
OF_THE_PROCESS = "hearth_process_"


@dataclass(frozen=True)
class Counted:
    """A client that has had a day."""

    counts: Counts = field(
        default_factory=lambda: Counts(
            {"fine": 7, "limited": 2}, {"send": 2}, {"to_device": 3}, unread=4, one_time_keys=25
        )
    )


@dataclass(frozen=True)
class Scraped:
    running: Running
    vitals: Vitals
    port: int

    async def text(self) -> str:
        async with ClientSession() as http, http.get(f"http://127.0.0.1:{self.port}/metrics") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            return await answer.text()

    async def figures(self) -> Figures:
        """(name, its one label's value) → value, without the process's own."""
        samples = [
            sample
            for family in text_string_to_metric_families(await self.text())
            for sample in family.samples
            if not sample.name.startswith(OF_THE_PROCESS)
        ]
        assert {name for sample in samples for name in sample.labels} <= LABELS
        return {(sample.name, "".join(sample.labels.values())): sample.value for sample in samples}


@pytest.fixture
async def scraped(running: Running) -> AsyncIterator[Scraped]:
    vitals, port = Vitals(running.clock), ports.any_free()
    async with health.served(port, vitals, running.database, running.house.held):
        yield Scraped(running, vitals, port)


async def test_a_bridge_that_starts_says_that_it_is_not_ready(scraped: Scraped) -> None:
    found = await scraped.figures()
    assert found["hearth_ready", ""] == 0 and found["hearth_device_signed", ""] == 0
    assert found["hearth_lease_held", ""] == 1 and found["hearth_database_up", ""] == 1
    assert not [name for name, _ in found if name.startswith("hearth_requests")]


async def test_a_loop_that_never_ends_a_pass_grows_old_from_the_start(scraped: Scraped) -> None:
    scraped.running.clock.turn(timedelta(minutes=3))
    found = await scraped.figures()
    for loop in service.loops_of(scraped.running.house):
        assert found["hearth_loop_age_seconds", loop.name] == 180


async def test_a_running_bridge_says_how_old_its_loops_are_and_what_its_client_counted(scraped: Scraped) -> None:
    vitals = scraped.vitals
    vitals.starting, vitals.signed, vitals.client = None, True, Counted()
    vitals.passed_now("sender")
    scraped.running.clock.turn(timedelta(seconds=40))
    vitals.passed_now("listener")
    found = await scraped.figures()
    assert found["hearth_ready", ""] == 1
    assert found["hearth_loop_age_seconds", "sender"] == 40 and found["hearth_loop_age_seconds", "listener"] == 0
    assert found["hearth_requests_total", "fine"] == 7 and found["hearth_rate_limited_total", "send"] == 2
    assert found["hearth_malformed_total", "to_device"] == 3 and found["hearth_undecryptable_events_total", ""] == 4
    assert found["hearth_one_time_keys", ""] == 25


async def test_acts_and_rooms_are_counted_by_kind(scraped: Scraped) -> None:
    running = scraped.running
    group = await running.open_group()
    await running.settle()
    assert (await scraped.figures())["hearth_rooms", "none"] == 2, "a group's, and its facilitators' own"
    running.server.weather.down = True
    await running.schedule(group, weekday=0, at="13:00", zone="UTC")
    await running.settle()
    running.clock.turn(timedelta(seconds=90))
    found = await scraped.figures()
    assert found["hearth_acts_waiting", "reminder"] == 1 and found["hearth_acts_oldest_seconds", "reminder"] >= 90
    running.server.weather.down = False
    await running.settle()
    found = await scraped.figures()
    assert ("hearth_acts_waiting", "reminder") not in found
    assert found["hearth_acts_settled", "sent"] >= 1


async def test_who_lost_the_account_says_so(scraped: Scraped) -> None:
    running = scraped.running
    await running.start()  # another process takes the account over
    assert (await scraped.figures())["hearth_lease_held", ""] == 0


async def test_without_its_database_it_still_tells_the_rest(keys: Keys, running: Running) -> None:
    nowhere: Database = keys.connect(f"postgresql://hearth:secret@127.0.0.1:{ports.any_free()}/hearth")
    port = ports.any_free()
    async with health.served(port, Vitals(running.clock), nowhere, running.house.held):
        found = await Scraped(running, Vitals(running.clock), port).figures()
    await nowhere.close()
    assert found["hearth_database_up", ""] == 0 and ("hearth_ready", "") in found
    assert not [name for name, _ in found if name.startswith("hearth_acts")]


async def test_no_name_no_matrix_id_and_no_room_is_told(scraped: Scraped) -> None:
    running = scraped.running
    group = await running.open_group(name="Maple room")
    await running.invite(group, BEN)
    await running.settle()
    told = await scraped.text()
    told_to_nobody = ("Maple", "@", "!", BEN, group, running.house.held.holder, BotId(running.house.bot))
    assert not [word for word in told_to_nobody if str(word) in told]
