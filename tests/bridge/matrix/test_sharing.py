"""Keys go to who should have them, in few requests, once: counted at a stand-in homeserver, and read on the phones."""

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import vodozemac

from bridge.matrix.client import NioHomeserver
from bridge.matrix.homeserver import KnownRoom
from bridge.matrix.keystore import KeyStore
from bridge.matrix.login import BotAccount
from bridge.matrix.our_sessions import AHEAD
from facilitator.ids import MatrixRoomId, UserId, because, new_id
from tests.live.world import Seeds
from tests.stand_in import MEGOLM, StandIn

BOT, ADA, BEN, CLEO = UserId("@hearth:here"), "@ada:here", "@ben:here", "@cleo:here"
ROOM = MatrixRoomId("!room")
NOW = timedelta(0)
OVERHEAD = ("whoami", "account_data", "upload", "device_signing", "signatures", "capabilities", "sync")


class House:
    """A bot on the stand-in that can be started again with what is on its disk."""

    def __init__(self, server: StandIn, folder: Path) -> None:
        self.server, self._keys = server, KeyStore(folder / "keys.db", secrets.token_bytes(32))
        self._seeds, self.cursor = Seeds(), "0"
        self._bot: NioHomeserver | None = None

    @property
    def bot(self) -> NioHomeserver:
        assert self._bot is not None
        return self._bot

    async def start(self) -> NioHomeserver:
        await self.stop()
        account = BotAccount(homeserver=self.server.url, user_id=BOT, device_id="DEVICE", access_token="token")
        self._bot = await NioHomeserver.start(account, self._keys, self._seeds)
        self._bot.remember(KnownRoom(MatrixRoomId(room), {"algorithm": MEGOLM}) for room in self.server.rooms)
        self.asked()
        return self._bot

    async def stop(self) -> None:
        if self._bot is not None:
            await self._bot.close()
            self._bot = None

    async def hear(self) -> None:
        """All that is new."""
        while True:
            self.cursor = (await self.bot.listen(self.cursor, wait=NOW)).next_batch
            if int(self.cursor) >= len(self.server.news):
                return

    async def say(self, room: str = ROOM, body: str = "at seven") -> dict[str, Any]:
        """Returns the event as it came to the server."""
        await self.bot.send(MatrixRoomId(room), because("say", new_id()), {"msgtype": "m.text", "body": body})
        return self.server.said[room][-1]

    def asked(self) -> dict[str, int]:
        """What was asked of the server since the last time, apart from what a start and a sync cost."""
        asked = {name: count for name, count in self.server.asked.items() if name not in OVERHEAD}
        self.server.asked.clear()
        return asked

    def readers(self, event: dict[str, Any]) -> set[str]:
        found = set()
        for phone in self.server.phones.values():
            try:
                phone.read(event)
            except (KeyError, vodozemac.MegolmDecryptionException):
                continue
            found.add(phone.user)
        return found


@asynccontextmanager
async def a_house(folder: Path, rooms: Iterable[tuple[str, Iterable[str]]]) -> AsyncIterator[House]:
    async with StandIn(us=BOT).serving() as server:
        for room, members in rooms:
            server.open_room(room, members)
        house = House(server, folder)
        await house.start()
        try:
            yield house
        finally:
            await house.stop()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(tmp_path, [(ROOM, [ADA, BEN])]) as house:
        yield house


async def test_a_cold_first_message_to_twenty_rooms_of_five_takes_few_requests(tmp_path: Path) -> None:
    people = [[f"@person{room * 5 + n}:here" for n in range(5)] for room in range(20)]
    async with a_house(tmp_path, ((f"!room{n}", them) for n, them in enumerate(people))) as house:
        for room in house.server.rooms:
            await house.bot.look(MatrixRoomId(room))
        house.asked()
        await house.bot.share_soon([MatrixRoomId(room) for room in house.server.rooms])
        shared = house.asked()
        said = [await house.say(room) for room in house.server.rooms]

        assert [house.readers(event) for event in said] == [set(them) for them in people]
        assert shared == {"query": 2, "claim": 2, "to_device": 2}
        assert house.asked() == {"send": 20}


async def test_people_of_many_rooms_get_one_message_each_in_a_request(tmp_path: Path) -> None:
    async with a_house(tmp_path, [(f"!room{n}", [ADA, BEN]) for n in range(3)]) as house:
        await house.bot.share_soon([MatrixRoomId(room) for room in house.server.rooms])
        assert house.asked() == {"joined_members": 3, "query": 1, "claim": 1, "to_device": 3}
        for room in house.server.rooms:
            assert house.readers(await house.say(room)) == {ADA, BEN}


async def test_what_is_shared_already_is_not_shared_again(house: House) -> None:
    await house.bot.share_soon([ROOM])
    house.asked()
    await house.bot.share_soon([ROOM])
    await house.say()
    assert house.asked() == {"send": 1}


async def test_after_a_restart_a_message_is_one_request_and_no_step_is_used_twice(house: House) -> None:
    before = [await house.say() for _ in range(3)]
    await house.hear()
    await house.start()
    after = [await house.say() for _ in range(AHEAD + 2)]

    assert house.asked() == {"send": AHEAD + 2}
    assert all(house.readers(event) == {ADA, BEN} for event in before + after)
    used = house.server.phones[ADA].seen
    assert len(set(used)) == len(used)
    assert len({session for session, _ in used}) == 1


@pytest.mark.parametrize("said", [1, AHEAD - 1, AHEAD, AHEAD + 1])
async def test_a_process_that_was_killed_while_speaking_uses_no_step_twice(house: House, said: int) -> None:
    """Nothing is closed in order: the disk is as it stood when the last message went out."""
    for _ in range(said):
        await house.say()
    killed, house._bot = house.bot, None
    await house.start()
    await house.say()
    await killed.close()
    phone = house.server.phones[BEN]
    for event in house.server.said[ROOM]:
        phone.read(event)
    assert len(set(phone.seen)) == said + 1


async def test_who_left_while_the_bridge_was_down_cannot_read_what_is_said_after(house: House) -> None:
    await house.say()
    await house.stop()
    house.server.tell_membership(ROOM, BEN, "leave")
    await house.start()
    await house.hear()
    assert house.readers(await house.say()) == {ADA}


async def test_who_came_while_the_bridge_was_down_is_given_the_key(house: House) -> None:
    before = await house.say()
    await house.stop()
    house.server.open_room("!elsewhere", [CLEO])
    house.server.tell_membership(ROOM, CLEO, "join")
    await house.start()
    await house.hear()
    assert house.readers(await house.say()) == {ADA, BEN, CLEO}
    assert house.readers(before) == {ADA, BEN}


async def test_where_the_stream_begins_anew_nothing_remembered_is_believed(house: House) -> None:
    await house.say()
    await house.hear()
    await house.stop()
    house.server.rooms[ROOM].discard(BEN)  # and nobody tells us
    await house.start()
    await house.bot.listen(None, wait=NOW)
    assert house.readers(await house.say()) == {ADA}


async def test_who_may_have_been_sent_a_key_counts_as_having_it(house: House) -> None:
    house.server.refuses.add("to_device")
    await house.bot.share_soon([ROOM])
    house.server.refuses.clear()
    session = house.bot._machine.outbound(ROOM)
    assert session is not None
    house.server.tell_membership(ROOM, BEN, "leave")
    await house.start()
    await house.hear()
    await house.say()
    again = house.bot._machine.outbound(ROOM)
    assert again is not None
    assert again.id != session.id


async def test_a_key_that_wears_out_soon_is_made_anew_before(house: House) -> None:
    await house.say()
    session = house.bot._machine.outbound(ROOM)
    assert session is not None
    await house.bot.share_soon([ROOM], margin=timedelta(minutes=10))
    assert house.bot._machine.outbound(ROOM) is session
    session.creation_time -= session.max_age - timedelta(minutes=5)
    await house.bot.share_soon([ROOM], margin=timedelta(minutes=10))
    assert house.bot._machine.outbound(ROOM) is not session
    house.asked()
    await house.say()
    assert house.asked() == {"send": 1}


@pytest.mark.parametrize("slow", ["_query", "_claim"])
async def test_who_is_heard_leaving_while_servers_are_waited_for_gets_no_key(
    house: House, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    answer = getattr(house.server, slow)

    async def slowly(*request: Any) -> Any:
        house.server.tell_membership(ROOM, BEN, "leave")
        await house.hear()
        return answer(*request)

    await house.bot.look(ROOM)
    monkeypatch.setattr(house.server, slow, slowly)
    assert house.readers(await house.say()) == {ADA}
    assert not house.server.phones[BEN].keys
