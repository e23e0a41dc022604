"""Accounts on the homeserver for a measurement: by plain HTTP, and with keys where they have to read or be read."""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from bridge.matrix.client import NioHomeserver
from bridge.matrix.keystore import KeyStore
from bridge.matrix.login import BotAccount
from deploy import matrix_accounts
from deploy.homeserver import LocalHomeserver
from facilitator.ids import UserId, new_id

PASSWORD = "seven small boats"
AT_ONCE = 8


class Raw:
    """Somebody by plain HTTP: the limit, since nothing can ask a homeserver with less."""

    def __init__(self, url: str, who: matrix_accounts.SignedIn) -> None:
        self.url, self.user_id, self.device_id, self.token = url, who.user_id, who.device_id, who.access_token
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"})
        self.requests = 0

    async def do(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        self.requests += 1
        url = f"{self.url}/_matrix/client/v3/{path}"
        async with self._http.request(method, url, json=body, params=query) as answer:
            said = await answer.json(content_type=None)
            assert answer.status == 200, (answer.status, said)
            return said

    async def join(self, room: str) -> None:
        await self.do("POST", f"join/{quote(room)}", {})

    async def send(self, room: str, type_: str, content: Mapping[str, Any]) -> None:
        await self.do("PUT", f"rooms/{quote(room)}/send/{type_}/{new_id()}", dict(content))

    async def close(self) -> None:
        await self._http.close()


class Seeds:
    """An identity kept in memory, as the wiring keeps it in the database."""

    def __init__(self) -> None:
        self._seeds: Mapping[str, str] | None = None
        self._master: str | None = None

    async def load(self) -> Mapping[str, str] | None:
        return self._seeds

    async def keep(self, seeds: Mapping[str, str] | None, master_key: str | None) -> None:
        self._seeds, self._master = seeds, master_key

    async def master_key(self) -> str | None:
        return self._master

    async def keep_marks(self, marks: Sequence[str]) -> None:
        return None


@dataclass
class Town:
    """Makes people on one homeserver and closes what they opened."""

    homeserver: LocalHomeserver
    folder: Path
    opened: list[Any] = field(default_factory=list)
    numbers: int = 0

    async def account(self, name: str) -> tuple[UserId, str]:
        self.numbers += 1
        local = f"{name}-{self.numbers}"
        user = await matrix_accounts.register(
            self.homeserver.url, self.homeserver.registration_secret, name=local, password=PASSWORD
        )
        return user, local

    async def sign_in(self, local: str) -> matrix_accounts.SignedIn:
        return await matrix_accounts.sign_in(self.homeserver.url, name=local, password=PASSWORD)

    async def raw(self, name: str) -> Raw:
        _, local = await self.account(name)
        return await self.raw_of(local)

    async def raw_of(self, local: str) -> Raw:
        raw = Raw(self.homeserver.url, await self.sign_in(local))
        self.opened.append(raw)
        return raw

    async def reader(self, local: str, **options: Any) -> NioHomeserver:
        """A client with keys and a signed device."""
        who = await self.sign_in(local)
        account = BotAccount(
            homeserver=self.homeserver.url, user_id=who.user_id, device_id=who.device_id, access_token=who.access_token
        )
        keys = KeyStore(self.folder / f"{new_id()}.db", secrets.token_bytes(32))
        client = await NioHomeserver.start(account, keys, Seeds(), **options)
        self.opened.append(client)
        return client

    async def readers(self, count: int) -> list[tuple[NioHomeserver, Raw]]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> tuple[NioHomeserver, Raw]:
            async with gate:
                _, local = await self.account(f"member{number}")
                client = await self.reader(local)
                raw = Raw(
                    self.homeserver.url,
                    matrix_accounts.SignedIn(
                        client.user_id, client._machine.device_id, client._connection._headers["Authorization"][7:]
                    ),
                )
                self.opened.append(raw)
                return client, raw

        return list(await asyncio.gather(*(one(number) for number in range(count))))

    async def close(self) -> None:
        for each in self.opened:
            await each.close()


class Observer:
    """Sees when events reach a client: one /sync after another, on a device that has no keys and asks for little."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self.seen: list[tuple[float, str, Mapping[str, Any]]] = []
        """(when, room, event)"""
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._filter = (
            '{"room":{"timeline":{"limit":200},"state":{"not_types":["*"]},"ephemeral":{"not_types":["*"]},'
            '"account_data":{"not_types":["*"]}},"presence":{"not_types":["*"]},"account_data":{"not_types":["*"]}}'
        )

    async def begin(self) -> "Observer":
        since = (await self._raw.do("GET", "sync", timeout="0", filter=self._filter))["next_batch"]
        self._task = asyncio.create_task(self._watch(since))
        return self

    async def _watch(self, since: str) -> None:
        while True:
            answer = await self._raw.do("GET", "sync", timeout="30000", since=since, filter=self._filter)
            since = answer["next_batch"]
            now = time.perf_counter()
            for room, told in answer.get("rooms", {}).get("join", {}).items():
                self.seen += [(now, room, event) for event in told["timeline"]["events"]]
            self._news.set()

    async def until(self, count: int, *, sender: str, since: float, rooms: set[str], within: float = 300) -> float:
        """When the last of so many encrypted events of a sender, seen in these rooms after `since`, was seen."""
        async with asyncio.timeout(within):
            while True:
                found = [
                    when
                    for when, room, event in self.seen
                    if when > since
                    and event["sender"] == sender
                    and room in rooms
                    and event["type"] in ("m.room.encrypted", "m.room.message")
                ]
                if len(found) >= count:
                    return sorted(found)[count - 1]
                self._news.clear()
                await self._news.wait()

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
