"""On a real homeserver: a device that was lost while it spoke, and a long silence in several rooms."""

import secrets
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.house import Held, House
from bridge.matrix.client import NioHomeserver
from bridge.matrix.keystore import KeyStore
from bridge.matrix.listening import TIMELINE
from bridge.matrix.login import login_once
from bridge.sender import Sender
from facilitator import bots, outbox, rooms, sightings, unsaid
from facilitator.clock import Clock
from facilitator.database import Database
from facilitator.ids import MatrixRoomId, RoomId, because
from facilitator.outbox import Priority
from facilitator.sightings import Looked
from tests import cast
from tests.journeys.running import WORDS
from tests.live.hearing import Ear
from tests.live.lossy_line import lossy_line
from tests.live.mortal import Mortal, encrypted_by
from tests.live.world import ENCRYPTION, PASSWORD, Bot, Person, World, room_step

pytestmark = pytest.mark.live
MISSED = TIMELINE + 15
ASKED = {3: "!sessions", 20: "!commands", MISSED - 2: "!sessions"}
LONG = timedelta(minutes=4)


async def whole(sender: Sender) -> None:
    """A pass, and what it began seen to its end and written down."""
    await sender.pass_once()
    while len(sender.lanes):
        await sender.lanes.all_ended()
        await sender.pass_once()


class Speaking:
    """One room on a real homeserver, and what says in it what is in the outbox."""

    def __init__(self, database: Database, world: World) -> None:
        self.database, self.world, self.clock = database, world, Clock()
        self.bot: bots.Bot
        self.account: Bot
        self.matrix: MatrixRoomId
        self.room: RoomId

    async def begin(self) -> None:
        now, self.account = self.clock.now(), await self.world.bot()
        client = await self.account.start()
        who = await cast.enter(self.database, now=now)
        group = await cast.open_group(self.database, who.ada, now=now)
        async with self.database.transaction() as db:
            self.bot = await bots.enrol(db, user_id=client.user_id, homeserver=self.world.url, now=now)
            await rooms.take_charge(db, self.bot.id)
            self.room = await rooms.group_room_id(db, group)
            self.matrix = await client.create(room_step(self.room))
            await sightings.found(db, self.room, self.matrix, now=now)
            seen = Looked(self.matrix, ENCRYPTION, "joined", {client.user_id: "join"}, 1, now)
            await sightings.looked(db, self.room, seen, now=now)

    async def sender(self, client: NioHomeserver) -> Sender:
        holder = f"here:{client.device_id}"
        async with self.database.transaction() as db:
            epoch = await bots.hold(db, self.bot.id, holder=holder, lasts=timedelta(hours=1), takes_over="here:")
        assert epoch is not None
        await client.look(self.matrix)
        return Sender(House(Held(self.bot.id, holder, epoch), self.database, client, self.clock, WORDS))

    async def put(self, name: str) -> None:
        async with self.database.transaction() as db:
            await outbox.put(
                db, because("test", name, self.room), self.room, utterance="commands", parameters={},
                priority=Priority.REPLY, now=self.clock.now(),
            )  # fmt: skip

    async def waits_no_longer(self) -> None:
        async with self.database.transaction() as db:
            await outbox.clock_was_set(db, self.bot.id, now=self.clock.now())

    async def another_device(self) -> NioHomeserver:
        """The key store is lost, the identity is not."""
        folder: Path = self.account.keys._path.parent
        keys = KeyStore(folder / f"{secrets.token_hex(4)}.db", secrets.token_bytes(32))
        account = await login_once(self.world.url, user_id=self.account.account.user_id, password=PASSWORD)
        self.account = Bot(account, keys, self.account.seeds)
        return await self.account.start()

    async def said(self) -> int:
        account = self.account.account
        eye = Person.bearing(self.world.url, account.user_id, account.access_token)
        try:
            return len(await encrypted_by(eye, self.matrix))
        finally:
            await eye.close()


@pytest.mark.parametrize("lost", ["the answer", "the request"])
async def test_a_device_that_was_lost_while_it_spoke_makes_nothing_be_said_twice(
    database: Database, world: World, lost: str
) -> None:
    speaking = Speaking(database, world)
    await speaking.begin()
    async with lossy_line(world.url) as line:
        await speaking.account.close()
        speaking.account.account = replace(speaking.account.account, homeserver=line.url)
        old = await speaking.sender(await speaking.account.start())
        await speaking.put("named")
        await whole(old)
        await speaking.put("lost")
        line.lose_next() if lost == "the answer" else await line.http.close()
        await whole(old)
    await speaking.account.close()
    before = await speaking.said()
    assert before == (2 if lost == "the answer" else 1)

    await speaking.waits_no_longer()
    new = await speaking.sender(await speaking.another_device())
    await whole(new)

    async with database.reading() as db:
        stuck = [(each.outcome, each.number) for each in await unsaid.stuck(db, now=speaking.clock.now())]
    assert (await speaking.said(), stuck) == ((2, [("uncertain", 1)]) if lost == "the answer" else (2, []))
    await speaking.account.close()


async def test_what_was_said_in_several_rooms_during_a_long_silence_is_heard_once_and_in_order(
    world: World, tmp_path: Path
) -> None:
    bridge = Mortal(tmp_path / "bridge", world.url, (await world.account("hearth"))[0])
    await bridge.prepare()
    ben = await world.client()
    ear = await Ear(ben).begin()
    try:
        await bridge.start()
        await bridge.open_groups(ben.user_id, number=2)
        joined: list[MatrixRoomId] = []

        async def inside() -> bool:
            sync = await ear.once(wait=timedelta())
            for invitation in sync.invitations:
                await ben.accept(invitation.room)
                joined.append(invitation.room)
            return len(joined) == 2 and await bridge.all_done()

        await bridge.until(inside, patience=LONG)
        bridge.kill()
        for room in joined:
            for number in range(MISSED):
                body = ASKED.get(number, f"word {number}")
                await ben.send(room, because("said", room, number), {"msgtype": "m.text", "body": body})
        await bridge.start()
        answered = "SELECT count(*) FROM outbox WHERE utterance IN ('sessions', 'commands')"

        async def all_answered() -> bool:
            return await bridge.number(answered) >= len(ASKED) * 2 and await bridge.all_said()

        await bridge.until(all_answered, patience=LONG)
        heard = await answers(ear, bridge, len(ASKED) * 2)
        for room in joined:
            assert [body.split()[0] for where, body in heard if where == room] == ["No", "What", "No"]
        assert await bridge.wrongs() == []
    finally:
        await bridge.close()


async def answers(ear: Ear, bridge: Mortal, number: int) -> list[tuple[Any, str]]:
    for _ in range(20):
        found = [
            (event.room, event.body)
            for event in ear.heard
            if getattr(event, "sender", None) == bridge.user_id
            and not getattr(event, "body", "Hello").startswith("Hello")
        ]  # type: ignore[attr-defined]
        if len(found) >= number:
            return found
        await ear.once()
    raise AssertionError(found)
