"""A demo as somebody starts it: the command itself, its ready file, its panel by HTTP, and Ctrl-C."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

READY_WITHIN = 90
STOPS_WITHIN = 20
LOOK_EVERY = 0.05
TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass
class StartedDemo:
    """`ready` is what its ready file says, `said` what it has printed so far."""

    data: Path
    process: asyncio.subprocess.Process
    ready: dict[str, Any] = field(default_factory=dict, repr=False)
    said: list[str] = field(default_factory=list, repr=False)
    _reading: list[asyncio.Task[None]] = field(default_factory=list, repr=False)

    @classmethod
    async def start(cls, data: Path, *options: str) -> "StartedDemo":
        """Start it, without waiting for anything."""
        command = [str(Path(sys.executable).parent / "hearth"), "demo", "--data", str(data)]
        process = await asyncio.create_subprocess_exec(
            *command, *options, "--ready-file", str(cls.ready_file(data)),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        started = cls(data, process)
        started._reading = [asyncio.create_task(started._read(each)) for each in (process.stdout, process.stderr)]
        return started

    @staticmethod
    def ready_file(data: Path) -> Path:
        return data.with_name(f"{data.name}.ready.json")

    async def is_ready(self) -> None:
        """Wait until its ready file is there."""
        file = self.ready_file(self.data)
        async with asyncio.timeout(READY_WITHIN):
            while not file.exists():
                assert self.process.returncode is None, "\n".join(self.said)
                await asyncio.sleep(LOOK_EVERY)
        assert file.stat().st_mode & 0o077 == 0
        self.ready = json.loads(file.read_text())

    async def says(self, words: str, within: float = 60) -> str:
        """The first line with these words, waiting for it."""
        async with asyncio.timeout(within):
            while not (found := next((line for line in self.said if words in line), None)):
                assert self.process.returncode is None, "\n".join(self.said)
                await asyncio.sleep(LOOK_EVERY)
        return found

    async def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C and wait until it has ended. Returns its exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(how)
        return await self.ends()

    async def ends(self) -> int:
        try:
            async with asyncio.timeout(STOPS_WITHIN):
                await asyncio.gather(self.process.wait(), *self._reading)
        except TimeoutError:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        assert self.process.returncode is not None
        return self.process.returncode

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None
        async for line in stream:
            self.said.append(line.decode().rstrip())


def programs_of(data: Path) -> dict[int, str]:
    """Every process that works in a demo's folder, and its command line."""
    found = {}
    for about in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (about / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            here = str(data) in line or (about / "cwd").readlink().is_relative_to(data)
            if here and "pytest" not in line.split(str(data))[0]:
                found[int(about.name)] = line
    return found


def sockets_of(pids: Iterable[int]) -> Iterator[tuple[str, str]]:
    """Where these processes are connected to or listen: what /proc says of each TCP socket, local and remote."""
    ours = {link for pid in pids for link in links(Path(f"/proc/{pid}/fd"))}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            columns = line.split()
            if f"socket:[{columns[9]}]" in ours:
                yield columns[1].split(":")[0], columns[2].split(":")[0]


def links(folder: Path) -> Iterator[str]:
    for each in folder.iterdir():
        with contextlib.suppress(OSError):
            yield str(each.readlink())


@contextlib.asynccontextmanager
async def running(data: Path, *options: str) -> AsyncIterator[StartedDemo]:
    """A demo that is ready; it is stopped at the end, if it has not been."""
    demo = await StartedDemo.start(data, *options)
    try:
        await demo.is_ready()
        yield demo
    finally:
        await demo.stop()


class Panel:
    """A browser signed in by the demo's link."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url, self._token = http, url, ""

    @classmethod
    @contextlib.asynccontextmanager
    async def signed_in(cls, ready: dict[str, Any]) -> AsyncIterator["Panel"]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            panel = cls(http, ready["panel_url"])
            link = ready["sign_in_link"].removeprefix(ready["panel_url"])
            await panel.get(link)
            await panel.post(link)
            yield panel

    async def get(self, path: str) -> str:
        async with self._http.get(self._url + path) as answer:
            return await self._text(answer)

    async def post(self, path: str, **fields: str) -> str:
        """Returns where it leads to."""
        token = {"form_token": self._token} if self._token else {}
        headers = {"Origin": self._url, "Sec-Fetch-Site": "same-origin"}
        async with self._http.post(self._url + path, data=token | fields, headers=headers) as answer:
            await self._text(answer)
            return answer.url.path

    async def _text(self, answer: aiohttp.ClientResponse) -> str:
        text = await answer.text()
        assert answer.status == 200, (answer.status, answer.url.path)
        if token := TOKEN.search(text):
            self._token = token[1]
        return text
