"""The demo as a stage: a real Synapse, the bridge and the panel as processes of their own, seen from outside alone."""

import asyncio
import contextlib
import json
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from deploy import matrix_accounts

READY_WITHIN = 120.0


@contextlib.asynccontextmanager
async def demo(data: Path, *options: str) -> AsyncIterator[tuple[dict[str, Any], float]]:
    """A running demo: what its ready file says, and the seconds it took. Ended by SIGINT."""
    ready = data.with_suffix(".ready.json")
    ready.unlink(missing_ok=True)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.cli", "demo", "--data", str(data), "--ready-file", str(ready), *options,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(READY_WITHIN):
            while not ready.exists():
                if process.returncode is not None:
                    raise RuntimeError("the demo ended before it was ready")
                await asyncio.sleep(0.02)
        yield json.loads(ready.read_text()), time.perf_counter() - began
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()


@dataclass
class Stage:
    """A facilitator's browser and a member's client, by plain HTTP."""

    facts: Mapping[str, Any]
    http: aiohttp.ClientSession
    member: matrix_accounts.SignedIn
    cookie: str = ""
    since: str = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def set_up(cls, data: Path) -> AsyncIterator["Stage"]:
        async with demo(data) as (facts, _), aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            person = facts["members"][0]
            name = person["user_id"].removeprefix("@").partition(":")[0]
            member = await matrix_accounts.sign_in(facts["homeserver_url"], name=name, password=person["password"])
            stage = cls(facts, http, member)
            await stage.sign_in()
            await stage.sync(wait=0)
            yield stage

    async def sign_in(self) -> None:
        answer = await self._browse("POST", self.facts["sign_in_link"], {})
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]

    async def submit(self, page: str, fields: Mapping[str, str], *, to: str = "") -> str:
        """Fill in the form on a page of the panel. Returns the page it led to."""
        base = self.facts["panel_url"].rstrip("/")
        shown = await (await self._browse("GET", base + page)).text()
        token = re.search(r'name="form_token"\s+value="([^"]+)"', shown)
        assert token, "the page has no form"
        answer = await self._browse("POST", base + (to or page), {**fields, "form_token": token[1]})
        assert answer.status == 303, f"the panel did not take the form: {answer.status}"
        return answer.headers["Location"].partition("?")[0]

    async def _browse(self, method: str, url: str, form: Mapping[str, str] | None = None) -> aiohttp.ClientResponse:
        headers = {"Sec-Fetch-Site": "same-origin", "Cookie": self.cookie}
        answer = await self.http.request(method, url, data=form, headers=headers, allow_redirects=False)
        await answer.read()
        return answer

    async def matrix(self, method: str, path: str, body: Any = None, *, token: str = "", **query: str) -> Any:
        url = f"{self.facts['homeserver_url']}/_matrix/client/v3/{path}"
        bearer = {"Authorization": f"Bearer {token or self.member.access_token}"}
        async with self.http.request(method, url, json=body, params=query, headers=bearer) as answer:
            return await answer.json()

    async def sync(self, *, wait: int = 10_000) -> dict[str, Any]:
        """What is new to the member, waiting for it."""
        query = {"timeout": str(wait)} | ({"since": self.since} if self.since else {})
        answer: dict[str, Any] = await self.matrix("GET", "sync", **query)
        self.since = answer["next_batch"]
        return answer
