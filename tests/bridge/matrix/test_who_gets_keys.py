"""Keys reach who they should and nobody else: real ratchets on both sides, and the devices asked what they can read."""

import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.matrix.client import NioHomeserver
from bridge.matrix.gifts import Gift
from bridge.matrix.homeserver import KnownRoom, Rejected, TryLater
from bridge.matrix.keystore import KeyStore
from bridge.matrix.login import BotAccount
from bridge.matrix.their_keys import ASK_AGAIN
from facilitator.ids import MatrixRoomId, UserId, because, new_id
from facilitator.rules.reach import Reach
from tests.bridge.matrix.crowd import Crowd
from tests.clock import TurnedClock
from tests.live.world import Seeds
from tests.stand_in import MEGOLM

BOT, ADA, BEN, CLEO = UserId("@hearth:here"), "@ada:here", "@ben:here", "@cleo:away"
ROOM = MatrixRoomId("!room")
ADAS, BENS = (ADA, "PHONE"), (BEN, "PHONE")
NOW = timedelta(0)


class Room:
    """A room of the bot's, with Ada and Ben in it."""

    def __init__(self, crowd: Crowd, bot: NioHomeserver, clock: TurnedClock) -> None:
        self.crowd, self.bot, self.clock, self.cursor = crowd, bot, clock, "0"
        self.reached: dict[UserId, Reach] = {}
        self.withheld: frozenset[UserId] = frozenset()

    async def say(self, body: str = "at seven") -> dict[str, Any]:
        sent = await self.bot.send(ROOM, because("say", new_id()), {"msgtype": "m.text", "body": body})
        self.reached, self.withheld = dict(sent.reached), sent.withheld
        return self.crowd.said[ROOM][-1]

    async def hear(self) -> None:
        while int(self.cursor) < len(self.crowd.news):
            self.cursor = (await self.bot.listen(self.cursor, wait=NOW)).next_batch

    async def membership(self, user: str, membership: str) -> None:
        self.crowd.tell_membership(ROOM, user, membership)
        await self.hear()

    async def changed(self, user: str) -> None:
        self.crowd.devices_changed(user)
        await self.hear()

    def how(self, user: str) -> Reach:
        return self.reached[UserId(user)]


@pytest.fixture
async def room(tmp_path: Path, clock: TurnedClock) -> AsyncIterator[Room]:
    crowd = Crowd(us=BOT)
    async with crowd.serving():
        crowd.rooms[ROOM] = {ADA, BEN}
        crowd.add(ADA), crowd.add(BEN)
        account = BotAccount(homeserver=crowd.url, user_id=BOT, device_id="DEVICE", access_token="token")
        keys = KeyStore(tmp_path / "keys.db", secrets.token_bytes(32))
        bot = await NioHomeserver.start(account, keys, Seeds(), clock=clock)
        bot.remember([KnownRoom(ROOM, {"algorithm": MEGOLM})])
        yield Room(crowd, bot, clock)
        await bot.close()


def session_of(event: dict[str, Any]) -> str:
    return str(event["session_id"])


async def test_who_is_only_invited_gets_no_key_and_who_comes_reads_nothing_from_before(room: Room) -> None:
    first = await room.say()
    cleo = room.crowd.add(CLEO)
    await room.membership(CLEO, "invite")
    while_invited = await room.say()
    assert cleo.delivered == []
    assert session_of(while_invited) == session_of(first)
    await room.membership(CLEO, "join")
    after = await room.say()
    assert [cleo.reads(event) for event in (first, while_invited, after)] == [False, False, True]
    assert session_of(after) != session_of(first)
    assert room.crowd.readers(after) == {ADAS, BENS, (CLEO, "PHONE")}


async def test_in_a_room_we_come_back_to_we_speak_under_another_key(room: Room) -> None:
    """Who came and went meanwhile was not told us."""
    before = await room.say()
    await put_out(room)
    await room.membership(BOT, "join")
    room.bot.remember([KnownRoom(ROOM, {"algorithm": MEGOLM})])
    assert session_of(await room.say()) != session_of(before)


async def test_put_out_while_a_key_is_given_nothing_is_said(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    give = room.bot._speaking.sharing._give

    async def given_late(gifts: Sequence[Gift]) -> None:
        await give(gifts)
        await put_out(room)

    monkeypatch.setattr(room.bot._speaking.sharing, "_give", given_late)
    with pytest.raises(TryLater):
        await room.say()
    assert not room.crowd.said[ROOM]
    with pytest.raises(Rejected):
        await room.say()


async def put_out(room: Room) -> None:
    room.crowd.tell(rooms={"leave": {ROOM: {"timeline": {"events": []}}}})
    await room.hear()


@pytest.mark.parametrize("gone", ["leave", "ban"])
async def test_who_is_gone_reads_nothing_more(room: Room, gone: str) -> None:
    """A kick is a leave by another's hand."""
    before = await room.say()
    await room.membership(BEN, gone)
    after = await room.say()
    assert (room.crowd.readers(before), room.crowd.readers(after)) == ({ADAS, BENS}, {ADAS})
    assert session_of(after) != session_of(before)


async def test_a_device_that_was_signed_out_reads_nothing_more_and_its_owner_reads_on(room: Room) -> None:
    laptop = room.crowd.add(BEN, "LAPTOP")
    before = await room.say()
    del room.crowd.devices[BEN, "LAPTOP"]
    await room.changed(BEN)
    after = await room.say()
    assert laptop.reads(before) and not laptop.reads(after)
    assert room.crowd.readers(after) == {ADAS, BENS}


async def test_a_device_whose_owner_takes_their_word_back_reads_nothing_more(room: Room) -> None:
    laptop = room.crowd.add(BEN, "LAPTOP")
    await room.say()
    laptop.signed = False
    await room.changed(BEN)
    assert not laptop.reads(await room.say())
    assert room.withheld == {BEN}


async def test_another_history_to_be_seen_makes_it_a_new_key(room: Room) -> None:
    before = await room.say()
    room.crowd.tell_state(ROOM, "m.room.history_visibility", history_visibility="joined")
    await room.hear()
    same = await room.say()
    room.crowd.tell_state(ROOM, "m.room.history_visibility", history_visibility="shared")
    await room.hear()
    assert session_of(same) == session_of(before) != session_of(await room.say())


async def test_a_new_name_of_a_member_is_no_reason_for_a_new_key(room: Room) -> None:
    before = await room.say()
    await room.membership(BEN, "join")
    assert session_of(await room.say()) == session_of(before)


async def test_a_key_lasts_for_as_many_messages_as_the_room_says(room: Room) -> None:
    room.bot.remember([KnownRoom(ROOM, {"algorithm": MEGOLM, "rotation_period_msgs": 3})])
    sessions = [session_of(await room.say()) for _ in range(7)]
    assert [sessions.count(each) for each in dict.fromkeys(sessions)] == [3, 3, 1]


async def test_a_key_lasts_as_long_as_the_room_says(room: Room) -> None:
    two_hours = {"algorithm": MEGOLM, "rotation_period_ms": 7_200_000}
    room.bot.remember([KnownRoom(ROOM, two_hours)])
    first = await room.say()
    session = room.bot._machine.outbound(ROOM)
    assert session is not None
    session.creation_time -= timedelta(hours=1, minutes=59)
    assert session_of(await room.say()) == session_of(first)
    session.creation_time -= timedelta(minutes=2)
    assert session_of(await room.say()) != session_of(first)


async def test_an_unsigned_device_gets_no_key_is_told_so_once_and_reads_on_from_when_it_is_signed(room: Room) -> None:
    laptop = room.crowd.add(BEN, "LAPTOP", signed=False)
    missed = [await room.say()]
    requests = room.crowd.asked["to_device"]
    missed.append(await room.say())
    assert room.crowd.asked["to_device"] == requests, "nobody is told twice"
    assert (room.how(BEN), room.how(ADA)) == (Reach(given=1, refused=1), Reach(given=1))
    assert laptop.told == ["m.unverified"]
    laptop.signed = True
    await room.changed(BEN)
    now = await room.say()
    assert [laptop.reads(event) for event in (*missed, now)] == [False, False, True]
    assert session_of(now) == session_of(missed[0]), "the same key, from where it stands now"
    assert room.how(BEN) == Reach(given=2)


async def test_whoever_had_no_one_time_key_is_left_in_peace_and_then_tried_again(room: Room) -> None:
    ben = room.crowd.devices[BENS]
    ben.has_keys = False
    await room.say()
    assert room.how(BEN) == Reach(unreached=1)
    claims = room.crowd.asked["claim"]
    ben.has_keys = True
    await room.say()
    assert room.crowd.asked["claim"] == claims
    room.clock.turn(ASK_AGAIN)
    after = await room.say()
    assert ben.reads(after)
    assert (room.crowd.asked["claim"], room.how(BEN)) == (claims + 1, Reach(given=1))


async def test_a_delivery_whose_answer_was_lost_arrives_once(room: Room) -> None:
    room.crowd.loses = 1
    with pytest.raises(TryLater):
        await room.say()
    said = await room.say()
    assert room.crowd.readers(said) == {ADAS, BENS}
    assert len(set(room.crowd.transactions_of_keys)) == 1 < len(room.crowd.transactions_of_keys)
    assert [len(room.crowd.devices[name].delivered) for name in (ADAS, BENS)] == [1, 1]


async def test_a_delivery_that_failed_is_made_good_by_the_next(room: Room) -> None:
    room.crowd.refuses.add("to_device")
    with pytest.raises(TryLater):
        await room.say()
    room.crowd.refuses.clear()
    assert room.crowd.readers(await room.say()) == {ADAS, BENS}


async def test_who_has_no_device_and_whose_server_is_silent_are_told_apart_and_cost_the_others_nothing(
    room: Room,
) -> None:
    room.crowd.silent.add("away")
    room.crowd.add(CLEO)
    del room.crowd.devices[BENS]
    await room.membership(CLEO, "join")
    assert room.crowd.readers(await room.say()) == {ADAS}
    assert (room.how(BEN), room.how(CLEO)) == (Reach(), Reach(answered=False))


async def test_who_could_read_is_known_without_a_word_and_by_one_question_for_all(room: Room) -> None:
    other = MatrixRoomId("!other")
    room.crowd.rooms[other] = {BEN, CLEO}
    room.crowd.add(BEN, "LAPTOP", signed=False)
    room.crowd.add(CLEO).has_keys = False
    room.bot.remember([KnownRoom(other, {"algorithm": MEGOLM}, all_devices=True)])
    asked = room.crowd.asked
    asked.clear()
    found = await room.bot.reach([ROOM, other, MatrixRoomId("!nowhere")])
    assert found == {
        ROOM: {ADA: Reach(given=1), BEN: Reach(given=1, refused=1)},
        other: {BEN: Reach(given=2), CLEO: Reach(unreached=1)},
    }
    assert not room.crowd.said
    queries = asked["query"]
    await room.bot.reach([ROOM, other])
    assert asked["query"] == queries, "nothing has changed"
    await room.say()
    assert asked["query"] == queries and room.how(BEN) == Reach(given=1, refused=1)
