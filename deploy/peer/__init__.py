"""A strict Matrix client to try Hearth with: a program in Node, spoken to in lines of JSON.

What Hearth says must be readable in clients nobody here wrote, under their strictest setting; the demo shows it
(`--peer`) and the live tests hold us to it.
"""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from facilitator.errors import Misconfigured

FOLDER = Path(__file__).parent
WHOLE = FOLDER / "node_modules" / ".package-lock.json"
"""npm writes it last: without it the packages are missing or half there."""
ANSWER_WITHIN = 30.0
STOP_WITHIN = 5.0
SIGN_OUT_WITHIN = 2.0
LINE_AT_MOST = 2**22

Line = dict[str, Any]


class PeerError(Exception):
    """The peer could not do what it was told; the text is its own."""


def installed() -> bool:
    """Whether Node and the peer's packages are here."""
    return shutil.which("node") is not None and WHOLE.is_file()


def require_node() -> None:
    """Raises Misconfigured when Node, or npm where it is still needed, is missing."""
    needed = ["node"] if WHOLE.is_file() else ["node", "npm"]
    if not all(map(shutil.which, needed)):
        raise Misconfigured("The peer needs Node.js 20 or newer with npm. Install it, or leave out --peer.")


async def install() -> None:
    """`npm ci`: the packages of package-lock.json and no others. Raises Misconfigured when it cannot."""
    require_node()
    npm = await asyncio.create_subprocess_exec(
        "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
        cwd=FOLDER, stdout=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        failed = await npm.wait() != 0
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(npm.pid, signal.SIGKILL)
        raise
    if failed:
        raise Misconfigured("npm could not install the peer's packages; it says why above.")


class Peer:
    """One client with its own device. Its keys live in memory: once stopped, that device is lost."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Line]] = {}
        self._news: list[Line] = []
        self._came = asyncio.Condition()
        self._ended = False
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, log: Path | None = None) -> "Peer":
        """`log`: where the client's own chatter goes; nowhere by default."""
        with contextlib.ExitStack() as files:
            errors = files.enter_context(log.open("ab")) if log else asyncio.subprocess.DEVNULL
            process = await asyncio.create_subprocess_exec(
                "node",
                str(FOLDER / "peer.mjs"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=LINE_AT_MOST,
                start_new_session=True,
            )
        return cls(process)

    async def login(
        self, homeserver: str, user: str, password: str, *, sign: bool = True, strict: bool = True, accept: bool = False
    ) -> Line:
        """Sign in as a new device. `sign`: its owner signs it. `strict`: it deals only with signed devices.
        `accept`: it joins where it is invited."""
        fields = {"homeserver": homeserver, "user": user, "password": password}
        return await self.ask("login", **fields, sign=sign, strict=strict, accept=accept)

    async def ask(self, deed: str, **fields: Any) -> Line:
        """Have it do one thing (login, sign, join, send, logout, stop). Raises PeerError when it could not."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": deed, **fields}).encode() + b"\n")
        line: Line = await asyncio.wait_for(answer, ANSWER_WITHIN)
        if "error" in line:
            raise PeerError(line["error"])
        return line

    async def heard(self, wanted: Callable[[Line], bool], *, within: float = 15.0) -> Line:
        """The first thing it reported (message, unreadable, membership) that is `wanted`, waiting for it if need be.
        Raises TimeoutError."""

        def found() -> Line | None:
            return next((line for line in self._news if wanted(line)), None)

        async with asyncio.timeout(within), self._came:
            await self._came.wait_for(lambda: found() is not None)
        line = found()
        assert line is not None
        return line

    async def sign_out(self) -> None:
        """Give its device back, if the homeserver still answers: a lost one would stay in the member's list."""
        with contextlib.suppress(PeerError, TimeoutError, OSError):
            async with asyncio.timeout(SIGN_OUT_WITHIN):
                await self.ask("logout")

    async def message(self, body: str, *, within: float = 15.0) -> Line:
        return await self.heard(lambda line: line["event"] == "message" and line.get("body") == body, within=within)

    @property
    def news(self) -> tuple[Line, ...]:
        """All it has reported so far."""
        return tuple(self._news)

    async def follow(self) -> AsyncIterator[Line]:
        """All it reports, from the first on, as it comes; ends when the client does."""
        for told in itertools.count():
            async with self._came:
                while len(self._news) <= told and not self._ended:
                    await self._came.wait()
            if len(self._news) <= told:
                return
            yield self._news[told]

    async def stop(self) -> None:
        """Its whole process group ends; harmless when it has ended already."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOP_WITHIN)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            line = json.loads(raw)
            answer = self._answers.pop(line.get("id", 0), None)
            if answer is not None and not answer.done():
                answer.set_result(line)
            else:
                await self._tell(line)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result({"error": "the peer has ended"})
        self._ended = True
        async with self._came:
            self._came.notify_all()

    async def _tell(self, line: Line) -> None:
        async with self._came:
            self._news.append(line)
            self._came.notify_all()
