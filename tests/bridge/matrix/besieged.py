"""The real ears of the bridge (connection, ratchets, listener, database) against a homeserver that says anything."""

import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response
from sqlalchemy import update

from bridge.heard import Message
from bridge.house import Held, House
from bridge.listener import Listener
from bridge.matrix.client import NioHomeserver, Parts, _assemble
from bridge.matrix.connection import Connection
from bridge.matrix.events import Reader
from bridge.matrix.homeserver import Rejected, TryLater
from facilitator import bots, outbox, pinned, rooms, sightings
from facilitator.database import Database
from facilitator.database.tables import Act
from facilitator.ids import RoomId, because
from tests import cast
from tests.bridge.matrix.olm_people import ADA, BOT, ROOM, Device, machine
from tests.clock import TurnedClock
from tests.journeys.running import WORDS
from tests.live.world import Seeds

NO_PAGES = '{"chunk": []}'
AT_MOST = 12
"""Passes after which a house that was told something well-formed must have heard it."""


@dataclass
class Server:
    """Says what it was told to, as its answers to /sync; the last one again and again."""

    ada: Device
    said: deque[str] = field(default_factory=deque)
    pages: str = NO_PAGES
    identities: dict[str, str] = field(default_factory=dict)
    """The public master keys it shows."""
    filters: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=9), repr=False)
    """What the latest questions of /sync were for."""
    asked: int = 0
    """How often it was asked what is new."""
    walked: int = 0
    """How often it was asked for what an answer left out."""

    async def answer(self, request: Request) -> Response:
        end = request.path.rpartition("/_matrix/client/v3/")[2]
        if end == "sync":
            self.asked += 1
            self.filters.append(json.loads(request.query["filter"]))
            return _json(self.said.popleft() if len(self.said) > 1 else self.said[0])
        if end == "keys/query":
            wanted = (await request.json())["device_keys"]
            theirs = self.ada.keys["device_keys"] if ADA in wanted else {}
            masters = {
                user: {"user_id": user, "usage": ["master"], "keys": {f"ed25519:{key}": key}}
                for user, key in self.identities.items()
            }
            return _json(json.dumps({"device_keys": theirs, "master_keys": masters, "failures": {}}))
        if end.endswith("/messages"):
            self.walked += 1
            return _json(self.pages)
        return _json(json.dumps({"one_time_key_counts": {"signed_curve25519": 50}, "one_time_keys": {}}))


def _json(text: str) -> Response:
    return Response(body=text.encode("utf-8", "surrogatepass"), content_type="application/json")


@dataclass
class Besieged:
    database: Database
    server: Server
    client: NioHomeserver
    parts: Parts
    listener: Listener
    room_id: RoomId
    clock: TurnedClock
    numbers: int = 0

    async def hears(self, said: str) -> None:
        """Once; whatever comes of it must be one of ours."""
        self.server.said = deque([said])
        try:
            await self._listen_once()
        except (TryLater, Rejected):
            self.clock.turn(timedelta(minutes=10))

    async def hears_ada(self) -> None:
        """What Ada says next, in a well-formed answer, is heard exactly once."""
        await self._say_what_waits()
        self.numbers += 1
        said = self.server.ada.says("!sessions", origin_server_ts=int(self.clock.now().timestamp() * 1_000))
        cursor = f"s{self.numbers}"
        self.server.said = deque([json.dumps(sync(cursor, [said]))])
        self.server.pages = NO_PAGES
        for _ in range(AT_MOST):
            try:
                await self._listen_once()
            except TryLater:
                self.clock.turn(timedelta(minutes=10))
                continue
            break
        heard = Reader(self.parts.machine).heard(ROOM, said)
        assert isinstance(heard, Message)
        assert heard.bound
        async with self.database.reading() as db:
            assert await outbox.known(db, [because("reply", *heard.cause)]), "not heard"
            assert await sightings.cursor(db, self.listener._house.bot) == cursor

    async def _listen_once(self) -> None:
        """A pass that asks what is new; between two of them, one may look after something else."""
        before = self.server.asked
        for _ in range(AT_MOST):
            await self.listener.pass_once()
            if self.server.asked > before:
                return

    async def _say_what_waits(self) -> None:
        """Nothing here sends; and a room where many answers wait gets no more of them."""
        async with self.database.transaction() as db:
            await db.execute(update(Act).where(Act.outcome.is_(None)).values(outcome="sent", parameters=None))

    async def changed(self) -> set[str]:
        """Whose identity is another than the first."""
        async with self.database.reading() as db:
            return set(await pinned.changed(db, self.listener._house.bot, [ADA]))

    def kept(self) -> int:
        """Everything that is remembered from one answer to the next, counted."""
        m, their, door = self.parts.machine, self.parts.their_keys, self.listener.door
        olm = sum(map(len, m.session_store.values())) + len(m.session_store._entries)
        keys = sum(1 for _ in m.inbound_group_store) + len(m.inbound_group_store._entries)
        devices = sum(1 for _ in m.device_store) + len(m.device_store._entries)
        others = (m.faults, m.wedged_devices, m.outgoing_to_device_messages, m.users_for_key_query, m.tracked_users)
        ours = (self.parts.listening._arrived, self.parts.listening._failures, self.parts.rooms._rooms)
        theirs = [value for value in vars(their).values() if isinstance(value, dict | set | list)]
        doors = (door._welcome, door._unwelcome, door._failures, door._given_up)
        return olm + keys + devices + sum(map(len, (*others, *ours, *theirs, *doors)))


def sync(cursor: str, events: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "next_batch": cursor,
        "rooms": {"join": {ROOM: {"timeline": {"events": events}}}},
        "device_one_time_keys_count": {"signed_curve25519": 50},
        "device_unused_fallback_key_types": ["signed_curve25519"],
    } | more


@asynccontextmanager
async def besieged(database: Database, folder: Path, clock: TurnedClock) -> AsyncIterator[Besieged]:
    bot, ada = Device(machine(folder, BOT)), Device(machine(folder, ADA))
    ada.meet(bot)
    server, application = Server(ada), Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    async with TestServer(application) as running:
        connection = Connection(str(running.make_url("")), "token", clock=clock)
        parts = _assemble(bot.machine, connection, Seeds(), clock=clock, only_signed=False)
        client = NioHomeserver(parts)
        house, room_id = await _house(database, client, clock)
        listener = Listener(house, wait=timedelta())
        server.said = deque([json.dumps(sync("s0", []))])
        await listener.pass_once()
        key = {"to_device": {"events": [ada.give_key(bot)]}}
        server.said = deque([json.dumps(sync("s0a", [], **key))])
        await listener.pass_once()
        yield Besieged(database, server, client, parts, listener, room_id, clock)
        await client.close()
    ada.machine.store.close()


async def _house(database: Database, client: NioHomeserver, clock: TurnedClock) -> tuple[House, RoomId]:
    """A group of Ada's whose room is known, and the bot that looks after it."""
    now = clock.now()
    who = await cast.enter(database, now=now)
    group = await cast.open_group(database, who.ada, now=now)
    async with database.transaction() as db:
        bot = await bots.enrol(db, user_id=BOT, homeserver="http://test", now=now)
        epoch = await bots.hold(db, bot.id, holder="here:1", lasts=timedelta(days=999), takes_over="here:")
        await rooms.take_charge(db, bot.id)
        room_id = await rooms.group_room_id(db, group)
        await sightings.found(db, room_id, ROOM, now=now)
    assert epoch is not None
    return House(Held(bot.id, "here:1", epoch), database, client, clock, WORDS), room_id
