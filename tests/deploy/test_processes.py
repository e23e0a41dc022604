"""What is started in a group of its own ends with all it started, however it takes being asked to."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import processes
from deploy.demo.running import Ended, Running, end_leftovers
from deploy.processes import Service
from facilitator.clock import Clock
from tests.clock import TurnedClock

WITH_A_CHILD = (
    "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); sys.stdin.read(); "
    "import time; time.sleep(600)"
)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Service]]:
    """Whatever a test adds is gone afterwards, whatever became of the test."""
    services: list[Service] = []
    yield services
    for service in services:
        if not service.ended:
            os.killpg(service.process.pid, 9)
            service.process.wait()


def start(folder: Path, program: str, started: list[Service]) -> Service:
    service = processes.start("the program", [sys.executable, "-c", program], folder=folder, log=folder / "log")
    started.append(service)
    return service


async def said(service: Service) -> str:
    """The first thing it says."""
    clock = Clock()
    while not (text := service.log.read_text().strip()):
        await clock.sleep(processes.LOOK_EVERY)
    return text


async def test_its_children_end_with_it(tmp_path: Path, started: list[Service]) -> None:
    service = start(tmp_path, WITH_A_CHILD, started)
    child = int(await said(service))
    assert processes.birth(child) is not None
    await processes.stop(service.process, Clock())
    assert service.ended
    clock = Clock()
    while processes.birth(child) is not None:  # the signal is on its way to it, too
        await clock.sleep(processes.LOOK_EVERY)


async def test_who_does_not_listen_is_ended_all_the_same(tmp_path: Path, started: list[Service]) -> None:
    service = start(tmp_path, STUBBORN, started)
    await said(service)
    await processes.stop(service.process, TurnedClock(hurrying=True))
    assert service.process.wait(5) == -9


async def test_stopping_twice_is_harmless(tmp_path: Path, started: list[Service]) -> None:
    service = start(tmp_path, "", started)
    await processes.stop(service.process, Clock())
    await processes.stop(service.process, Clock())


@pytest.mark.parametrize(
    ("log", "last"),
    [
        ("one\ntwo\n\n", "two"),
        ('{"event": "a room is sick", "level": "error"}\n', "a room is sick"),
        ('{"event": "no level"}\n', "no level"),
        (
            "2026-03-05 11:36:25,402 ERROR synapse.app: Port taken\n",
            "2026-03-05 11:36:25,402 ERROR synapse.app: Port taken",
        ),
        ("[1]\n", "[1]"),
        ("x" * 900, "x" * processes.SHOWN),
    ],
)
def test_what_went_wrong_is_told_in_the_logs_words(tmp_path: Path, log: str, last: str) -> None:
    (tmp_path / "log").write_text(log)
    assert processes.last_words(tmp_path / "log") == f"Its log ends: “{last}” The whole log is {tmp_path / 'log'}."


@pytest.mark.parametrize(
    "log",
    [
        "",
        '{"event": "bridge runs", "level": "info"}\n',
        '{"event": "room refused", "level": "warning"}\n',
        "2026-03-05 11:36:25,402 WARNING root: Licensed under a licence. Website: https://chat.example\n",
    ],
)
def test_what_was_said_in_everyday_work_is_not_given_for_a_reason(tmp_path: Path, log: str) -> None:
    (tmp_path / "log").write_text(log)
    assert processes.last_words(tmp_path / "log") == f"Its log is {tmp_path / 'log'}."


async def test_a_program_that_ends_by_itself_is_named_with_its_last_words(
    tmp_path: Path, started: list[Service]
) -> None:
    running = Running(tmp_path, Clock())
    service = start(tmp_path, "print('the disk is full')", started)
    running.add(service)
    with pytest.raises(Ended, match=r"The program has stopped by itself\. Its log ends: “the disk is full”"):
        await running.watch()


async def test_what_was_left_behind_is_found_and_ended(tmp_path: Path, started: list[Service]) -> None:
    service = start(tmp_path, STUBBORN, started)
    Running(tmp_path, Clock()).add(service)
    killer = TurnedClock(hurrying=True)
    await end_leftovers(tmp_path, killer)
    assert service.process.wait(5) == -9


async def test_a_number_that_belongs_to_another_program_by_now_is_left_alone(
    tmp_path: Path, started: list[Service]
) -> None:
    service = start(tmp_path, STUBBORN, started)
    (tmp_path / "running.json").write_text(f'{{"{service.process.pid}": "1"}}')
    await end_leftovers(tmp_path, Clock())
    assert not service.ended
