"""A real homeserver, bots on it, and people who use it by plain HTTP: no Matrix library stands between a test and what
the homeserver says."""

import itertools
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from bridge.matrix.client import NioHomeserver
from bridge.matrix.homeserver import CreateRoom
from bridge.matrix.keystore import KeyStore
from bridge.matrix.login import BotAccount, login_once
from deploy import matrix_accounts
from deploy.homeserver import LocalHomeserver
from deploy.peer import Peer
from facilitator.ids import MatrixRoomId, RoomId, UserId, new_id

PASSWORD = "seven small boats"
SERVICE_TOKEN = "token-of-the-application-service"
ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2"}
POWER: Mapping[str, Any] = {
    "users": {},
    "users_default": 0,
    "events_default": 0,
    "state_default": 100,
    "invite": 50,
    "kick": 50,
    "ban": 50,
    "redact": 50,
    "historical": 100,
    "events": {
        "m.room.avatar": 100,
        "m.room.canonical_alias": 100,
        "m.room.encryption": 100,
        "m.room.guest_access": 100,
        "m.room.history_visibility": 100,
        "m.room.join_rules": 100,
        "m.room.name": 50,
        "m.room.pinned_events": 50,
        "m.room.power_levels": 100,
        "m.room.server_acl": 100,
        "m.room.tombstone": 150,
        "m.room.topic": 50,
        "org.matrix.msc3401.call.member": 0,
    },
    "notifications": {"room": 50},
}
_numbers = itertools.count(1)


def room_step(marker: str = "", **changes: Any) -> CreateRoom:
    """A group's room as the house makes it."""
    usual = {
        "marker": RoomId(marker or new_id()),
        "name": "Tuesdays at seven",
        "version": "12",
        "encryption": ENCRYPTION,
        "join_rule": "invite",
        "history_visibility": "joined",
        "guest_access": "forbidden",
        "power_levels": POWER,
    }
    return CreateRoom(**(usual | changes))


class Seeds:
    """Keeps cross-signing seeds in memory, as the wiring keeps them in the database."""

    def __init__(self) -> None:
        self.kept: Mapping[str, str] | None = None
        self.master: str | None = None
        self.marks: tuple[str, ...] = ()

    async def load(self) -> Mapping[str, str] | None:
        return self.kept

    async def keep(self, seeds: Mapping[str, str] | None, master_key: str | None) -> None:
        self.kept, self.master = seeds, master_key

    async def master_key(self) -> str | None:
        return self.master

    async def keep_marks(self, marks: Sequence[str]) -> None:
        self.marks = tuple(marks)


@dataclass
class Bot:
    """A bot account and all it needs to start again."""

    account: BotAccount
    keys: KeyStore
    seeds: Seeds = field(default_factory=Seeds)
    clients: list[NioHomeserver] = field(default_factory=list)

    async def start(self, **options: Any) -> NioHomeserver:
        client = await NioHomeserver.start(self.account, self.keys, self.seeds, **options)
        self.clients.append(client)
        return client

    def copied(self) -> "Bot":
        """What somebody has who copies its key store while it runs."""
        path = self.keys._path.with_name(f"{new_id()}.db")
        with closing(sqlite3.connect(self.keys._path)) as file, closing(sqlite3.connect(path)) as copy:
            file.backup(copy)
        return Bot(self.account, KeyStore(path, bytes.fromhex(self.keys._pickle_key)), self.seeds)

    async def close(self) -> None:
        for client in self.clients:
            await client.close()
        self.clients.clear()


class Person:
    """Somebody with an account, by plain HTTP. Has no encryption keys unless a test uploads some."""

    def __init__(self, url: str, who: matrix_accounts.SignedIn, name: str) -> None:
        self.url, self.user_id, self.device_id, self.name = url, who.user_id, who.device_id, name
        self.token = who.access_token
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {who.access_token}"})

    @classmethod
    def bearing(cls, url: str, user_id: UserId, token: str) -> "Person":
        """Somebody who is signed in already, with the token of that device."""
        return cls(url, matrix_accounts.SignedIn(user_id, "", token), user_id)

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._http.request(method, f"{self.url}/_matrix/client/v3/{path}", json=body) as response:
            return response.status, await response.json(content_type=None)

    async def do(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.ask(method, path, body)
        assert status == 200, (status, answer)
        return answer

    async def create(self, **body: Any) -> MatrixRoomId:
        return MatrixRoomId((await self.do("POST", "createRoom", body))["room_id"])

    async def join(self, room: MatrixRoomId) -> None:
        await self.do("POST", f"join/{quote(room)}", {})

    async def leave(self, room: MatrixRoomId) -> None:
        await self.do("POST", f"rooms/{quote(room)}/leave", {})

    async def knock(self, room: MatrixRoomId) -> None:
        await self.do("POST", f"knock/{quote(room)}", {})

    async def invite(self, room: MatrixRoomId, user: UserId) -> None:
        await self.do("POST", f"rooms/{quote(room)}/invite", {"user_id": user})

    async def kick(self, room: MatrixRoomId, user: UserId) -> None:
        await self.do("POST", f"rooms/{quote(room)}/kick", {"user_id": user})

    async def ban(self, room: MatrixRoomId, user: UserId) -> None:
        await self.do("POST", f"rooms/{quote(room)}/ban", {"user_id": user})

    async def say_in_clear(self, room: MatrixRoomId, body: str, **content: Any) -> str:
        message = {"msgtype": "m.text", "body": body} | content
        return str((await self.do("PUT", f"rooms/{quote(room)}/send/m.room.message/{new_id()}", message))["event_id"])

    async def set_state(self, room: MatrixRoomId, kind: str, content: Mapping[str, Any], key: str = "") -> None:
        await self.do("PUT", f"rooms/{quote(room)}/state/{kind}/{quote(key)}", dict(content))

    async def state(self, room: MatrixRoomId, kind: str, key: str = "") -> Any:
        return await self.do("GET", f"rooms/{quote(room)}/state/{kind}/{quote(key)}")

    async def to_device(self, kind: str, messages: Mapping[str, Any]) -> None:
        await self.do("PUT", f"sendToDevice/{kind}/{new_id()}", {"messages": messages})

    async def to_device_waiting(self) -> list[dict[str, Any]]:
        """What came for this device since its beginning; it stays there."""
        answer = await self.do("GET", "sync?timeout=0")
        events: list[dict[str, Any]] = answer.get("to_device", {}).get("events", [])
        return events

    async def close(self) -> None:
        await self._http.close()


class World:
    """Makes bots, people and peers on one homeserver and closes them all."""

    def __init__(self, homeserver: LocalHomeserver, folder: Path) -> None:
        self.homeserver, self._folder = homeserver, folder
        self._opened: list[Bot | Person] = []
        self._peers: list[Peer] = []

    @property
    def url(self) -> str:
        return self.homeserver.url

    async def account(self, name: str) -> tuple[UserId, str]:
        """A fresh account; its Matrix id and local name."""
        local = f"{name}-{next(_numbers)}"
        secret = self.homeserver.registration_secret
        return await matrix_accounts.register(self.url, secret, name=local, password=PASSWORD), local

    async def bot(self) -> Bot:
        user_id, _ = await self.account("hearth")
        account = await login_once(self.url, user_id=user_id, password=PASSWORD)
        bot = Bot(account, KeyStore(self._folder / f"{new_id()}.db", secrets.token_bytes(32)))
        self._opened.append(bot)
        return bot

    async def client(self, **options: Any) -> NioHomeserver:
        return await (await self.bot()).start(**options)

    async def person(self, name: str = "ben") -> Person:
        _, local = await self.account(name)
        return await self.person_of(local)

    async def person_of(self, local: str) -> Person:
        """An account that is there already, on a new device."""
        who = await matrix_accounts.sign_in(self.url, name=local, password=PASSWORD)
        person = Person(self.url, who, local)
        self._opened.append(person)
        return person

    async def peer(self, name: str = "ada", **options: Any) -> tuple[Peer, UserId]:
        """A strict client nobody here wrote, signed in as somebody new."""
        user_id, local = await self.account(name)
        return await self.peer_of(local, **options), user_id

    async def peer_of(self, local: str, **options: Any) -> Peer:
        peer = await Peer.start()
        self._peers.append(peer)
        await peer.login(self.url, local, PASSWORD, **({"accept": True} | options))
        return peer

    async def close(self) -> None:
        for peer in self._peers:
            await peer.stop()
        for opened in self._opened:
            await opened.close()
