"""The programs a demo consists of: each is watched, and whatever happens all of them end together.

Their process ids are written down, so that what a demo left behind when it was killed is ended by the next one.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import aiohttp

from deploy import processes
from deploy.processes import Service
from facilitator.clock import Clock
from facilitator.database.keys import write_privately
from facilitator.errors import Refused

READY_WITHIN = timedelta(seconds=60)
WATCH_EVERY = timedelta(milliseconds=200)
LOOK_EVERY = timedelta(milliseconds=50)
LEFTOVERS_WITHIN = timedelta(seconds=10)
PIDS = "running.json"


class Ended(Refused):
    """One of the programs ended by itself, or never became ready."""


class Running:
    """What runs. The homeserver ends last, so that the others can say goodbye to it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._services: list[Service] = []
        self._homeserver: list[Service] = []

    def start(self, name: str, *arguments: str) -> Service:
        """Start `python -m` with these arguments. `name`: "the bridge", say."""
        log = self._folder / f"{name.split()[-1]}.log"
        service = processes.start(name, [sys.executable, "-m", *arguments], folder=self._folder, log=log)
        self.add(service)
        return service

    def add(self, service: Service) -> None:
        self._services.append(service)
        self._write_down()

    def add_homeserver(self, service: Service) -> None:
        self._homeserver.append(service)
        self._write_down()

    def _write_down(self) -> None:
        pids = [service.process.pid for service in (*self._homeserver, *self._services)]
        born = {str(pid): processes.birth(pid) for pid in pids}
        write_privately(self._folder / PIDS, json.dumps(born), over=True)

    async def ready(self, service: Service, url: str) -> None:
        """Wait until it says it is ready. Raises Ended."""
        deadline = self._clock.monotonic() + READY_WITHIN.total_seconds()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while self._clock.monotonic() < deadline:
                self.check()
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(url) as response:
                        if response.status == 200:
                            return
                await self._clock.sleep(LOOK_EVERY)
        raise Ended(f"{_capital(service.name)} did not become ready. {processes.last_words(service.log)}")

    def check(self) -> None:
        """Raises Ended when one of them runs no more."""
        for service in (*self._homeserver, *self._services):
            if service.ended:
                raise Ended(f"{_capital(service.name)} has stopped by itself. {processes.last_words(service.log)}")

    async def watch(self) -> None:
        """Until one of them ends, which it then raises."""
        while True:
            self.check()
            await self._clock.sleep(WATCH_EVERY)

    async def stop(self) -> None:
        """End all of it."""
        for together in (self._services, self._homeserver):
            await asyncio.gather(*(processes.stop(service.process, self._clock) for service in together))
        (self._folder / PIDS).unlink(missing_ok=True)


async def end_leftovers(folder: Path, clock: Clock) -> None:
    """End what an earlier demo in this folder left running because it was killed."""
    try:
        left: dict[str, str | None] = json.loads((folder / PIDS).read_text())
    except (OSError, ValueError):
        return
    deadline = clock.monotonic() + LEFTOVERS_WITHIN.total_seconds()
    for pid, born in left.items():
        while born is not None and processes.birth(int(pid)) == born and clock.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(pid), signal.SIGKILL)
            await clock.sleep(LOOK_EVERY)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
