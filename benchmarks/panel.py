"""Every page of the panel in a large organisation, for one reader and for two hundred at once, each beside its limit:
a bare aiohttp handler that renders the same bytes from memory.

No homeserver runs, and no bridge: no page may wait for either.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from benchmarks import crowd, databases, weighing
from benchmarks.bridge import told
from benchmarks.environments import python
from benchmarks.figures import Row, high
from benchmarks.instance import ROOT, as_installed
from deploy import commands, ports
from facilitator.clock import Clock
from facilitator.database import KeyRing, connect

SETTINGS = """\
[house]
organisation = "Bench"
emergency_number = "112"
data_dir = {data_dir}
{database}
[bridge]
homeserver = "http://localhost:1"
user_id = "@hearth:here"
password_file = "/dev/null"

[web]
port = {port}
public_url = "http://localhost:{port}"
"""
READY_WITHIN = 120.0
AN_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LIMIT = "same bytes from memory"


def wishes(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks panel")
    parser.add_argument("--on", default="sqlite,postgresql", help="which databases, with commas")
    parser.add_argument("--groups", default="1000", help="groups, with commas for several sizes")
    parser.add_argument("--own", type=int, default=25, help="of them the reader's own")
    parser.add_argument("--members", type=int, default=100, help="members of each")
    parser.add_argument("--visits", type=int, default=100, help="of each page")
    parser.add_argument("--readers", type=int, default=200, help="at once")
    return parser.parse_args(arguments)


async def measure(folder: Path, arguments: list[str]) -> list[Row]:
    wish = wishes(arguments)
    rows: list[Row] = []
    for engine in wish.on.split(","):
        with databases.of(engine) as new:
            for size in wish.groups.split(","):
                where = folder / f"panel-{engine}-{size}"
                rows += told(await _measure(where, wish, int(size), new, f"{size} groups ({engine})"))
    return rows


async def _measure(folder: Path, wish: argparse.Namespace, groups: int, new: Callable[[], str], on: str) -> list[Row]:
    settings, port = _write(folder, new())
    await commands.migrate(settings)
    people = await _filled(settings, groups=groups, own=min(wish.own, groups), members=wish.members)
    limit = ports.any_free()
    told_bare = json.dumps({"cookie": people.cookie, "parts": dict(people.parts)})
    async with (
        _process(folder / "panel.log", ["-m", "deploy.cli", "web", "--settings", str(settings)]) as panel,
        _process(folder / "bare.log", ["-m", "benchmarks.bare", str(settings), str(limit)], told_bare) as bare,
        aiohttp.ClientSession(
            headers={"Host": f"localhost:{port}", "Cookie": f"s={people.cookie}"},
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0),
        ) as browser,
    ):
        pages = await asyncio.to_thread(_pages, bare)
        ours, bare_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{limit}"
        await _until_ready(browser, ours)
        idle = weighing.rss_mib(panel.pid)
        rows = await _one_reader(browser, (ours, bare_url), pages, visits=wish.visits, on=on)
        rows += await _many_readers(browser, (ours, bare_url), pages, readers=wish.readers, on=on)
        work, peak = weighing.rss_mib(panel.pid), weighing.peak_mib(panel.pid)
        return [*rows, Row(f"memory, {on}", [], note=f"RSS {idle:.0f} MiB idle, {work:.0f} at work, peak {peak:.0f}")]


async def _one_reader(
    browser: aiohttp.ClientSession, bases: tuple[str, str], pages: Mapping[str, Mapping[str, int]], *, visits: int,
    on: str,
) -> list[Row]:  # fmt: skip
    """The panel and the limit by turns, the pages in random order."""
    times: dict[tuple[str, str], list[float]] = {(base, path): [] for base in bases for path in pages}
    turns = [*times] * visits
    random.shuffle(turns)
    for base, path in [*times, *turns]:  # each once, unmeasured
        seconds = await _load(browser, base + path)
        times[base, path].append(seconds)
    return [
        Row(
            f"{AN_ID.sub('…', path)}, {on}", times[bases[0], path][1:], times[bases[1], path][1:], LIMIT,
            note=f"{facts['statements']} SQL statements, {facts['bytes'] / 1024:.0f} KiB",
        )
        for path, facts in pages.items()
    ]  # fmt: skip


async def _many_readers(
    browser: aiohttp.ClientSession, bases: tuple[str, str], pages: Mapping[str, Mapping[str, int]], *, readers: int,
    on: str,
) -> list[Row]:  # fmt: skip
    """All at once, each going from page to page: how long one waits, and how many pages a second are served."""
    taken: list[list[float]] = []
    served: list[float] = []
    for base in bases:

        async def read(base: str = base) -> list[float]:
            paths = random.choices([path for path in pages if not path.endswith(".csv")], k=5)
            return [await _load(browser, base + path) for path in paths]

        began = time.perf_counter()
        found = await asyncio.gather(*(read() for _ in range(readers)))
        served.append(readers * 5 / (time.perf_counter() - began))
        taken.append([seconds for each in found for seconds in each])
    note = (
        f"{served[0]:.0f} pages a second (limit {served[1]:.0f}), p95 of the limit {high(taken[1], 95) * 1000:.0f} ms"
    )
    return [Row(f"{readers} readers at once, {on}", taken[0], taken[1], LIMIT, note=note)]


async def _load(browser: aiohttp.ClientSession, url: str) -> float:
    began = time.perf_counter()
    async with browser.get(url, allow_redirects=False) as answer:
        await answer.read()
        assert answer.status == 200, (answer.status, url)
    return time.perf_counter() - began


async def _until_ready(browser: aiohttp.ClientSession, base: str) -> None:
    async with asyncio.timeout(READY_WITHIN):
        while True:
            try:
                async with browser.get(f"{base}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _process(log: Path, arguments: Sequence[str], said: str = "") -> AsyncIterator[subprocess.Popen[bytes]]:
    with log.open("ab") as file:
        process = subprocess.Popen(
            [python("hearth"), *arguments], cwd=ROOT, env=as_installed(), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if said else file, stderr=file, start_new_session=True,
        )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(said.encode())
    process.stdin.close()
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        await asyncio.to_thread(process.wait)


def _pages(bare: subprocess.Popen[bytes]) -> dict[str, dict[str, int]]:
    """What there is to see, and what it took. Pages that only say no to this group are told and left out."""
    assert bare.stdout is not None
    learned: dict[str, dict[str, int]] = json.loads(bare.stdout.readline())
    for path, facts in learned.items():
        if facts["status"] != 200:
            print(f"left out: {AN_ID.sub('…', path)} answers {facts['status']}", file=sys.stderr)
    return {path: facts for path, facts in learned.items() if facts["status"] == 200}


async def _filled(settings: Path, *, groups: int, own: int, members: int) -> crowd.Crowd:
    house = commands.house_of(settings)
    database = connect(house.database_url, people=KeyRing.load(house.people_key))
    try:
        return await crowd.gather(database, groups=groups, own=own, members=members, now=Clock().now())
    finally:
        await database.close()


def _write(folder: Path, url: str) -> tuple[Path, int]:
    (folder / "data").mkdir(parents=True, mode=0o700)
    settings, port = folder / "hearth.toml", ports.any_free()
    database = f"database_url = {json.dumps(url)}" if url else ""
    settings.write_text(SETTINGS.format(data_dir=json.dumps(str(folder / "data")), database=database, port=port))
    return settings, port
