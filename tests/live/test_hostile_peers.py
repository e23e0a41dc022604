"""What any Matrix user can send us must cost nobody else a word."""

from typing import Any
from urllib.parse import quote

import pytest

from bridge.heard import MembershipChanged, Message, Undecipherable, Unreadable
from bridge.matrix.homeserver import Invite
from facilitator.ids import UserId, because
from tests.live.gathered import bring, group_of, words
from tests.live.hearing import Ear
from tests.live.keys_of_a_stranger import MEGOLM, OLM, RawDevice
from tests.live.world import Person, World

pytestmark = pytest.mark.live

GARBAGE = "garbage!!"


@pytest.mark.parametrize(
    "content",
    [
        {"algorithm": OLM, "sender_key": "x", "ciphertext": {"OURS": {"type": 0, "body": "AAAA"}}},
        {"algorithm": OLM, "sender_key": "x", "ciphertext": {"OURS": {"type": 1, "body": "AAAA"}}},
        {"algorithm": OLM, "sender_key": "x", "ciphertext": {"OURS": {"type": 0, "body": "é"}}},
        {"algorithm": OLM, "sender_key": "x", "ciphertext": {"OURS": {"type": 7}}},
        {"algorithm": OLM, "sender_key": 3, "ciphertext": {"OURS": None}},
        {"algorithm": OLM, "ciphertext": "words"},
        {"algorithm": MEGOLM},
        {},
    ],
)
async def test_a_strangers_malformed_message_to_the_device_does_not_stop_the_bot(
    world: World, content: dict[str, Any]
) -> None:
    bot, ear, room, member = await group_of(world)
    ours = bot._machine.account.identity_keys["curve25519"]
    if isinstance(content.get("ciphertext"), dict):
        content = content | {"ciphertext": {ours: content["ciphertext"]["OURS"]}}
    stranger = await world.person("dan")
    await stranger.to_device("m.room.encrypted", {bot.user_id: {"*": content}})

    await member.client.send(room, because("after"), words("still there?"))

    assert (await ear.message("still there?")).bound


@pytest.mark.parametrize("which", ["curve25519", "ed25519"])
async def test_a_members_garbage_device_key_costs_the_others_nothing(world: World, which: str) -> None:
    bot, ear, room, member = await group_of(world)
    dan = await world.person("dan")
    garbage: dict[str, Any] = {which: GARBAGE}
    await RawDevice(dan).publish(**garbage)
    await bring(bot, room, dan, ear)
    newcomer = await world.client()
    newcomer_ear = await Ear(newcomer).begin()
    await bring(bot, room, newcomer, ear)

    await bot.send(room, because("hello"), words("hello"))

    assert (await member.message("hello")).bound
    assert (await newcomer_ear.message("hello")).bound


async def test_signed_garbage_as_one_time_key_does_not_block_the_room(world: World) -> None:
    bot, ear, room, member = await group_of(world)
    dan = await world.person("dan")
    device = RawDevice(dan)
    no_point = "A" * 43  # well formed, and no point on the curve a session could be made with
    keys = {
        f"signed_curve25519:{name}": device.signed({"key": key})
        for name, key in [("AAAA", GARBAGE), ("AAAB", no_point)]
    }
    await device.publish(one_time=keys)
    await bring(bot, room, dan, ear)

    for number in range(3):
        await bot.send(room, because("hello", number), words(f"hello {number}"))

    assert (await member.message("hello 2")).bound


@pytest.mark.parametrize("keys", [{}, {"signed_curve25519:AAAA": "no object"}])
async def test_a_device_without_usable_one_time_keys_does_not_block_the_room(
    world: World, keys: dict[str, Any]
) -> None:
    bot, ear, room, member = await group_of(world)
    dan = await world.person("dan")
    await RawDevice(dan).publish(one_time=keys)
    await bring(bot, room, dan, ear)

    await bot.send(room, because("hello"), words("hello"))

    assert (await member.message("hello")).bound


async def claim_all(stranger: Person, user: UserId, device: str) -> int:
    """Take every one-time key; the fallback key, once it comes, comes each time. Returns how many there were."""
    taken: set[str] = set()
    body = {"one_time_keys": {user: {device: "signed_curve25519"}}}
    while True:
        answer = await stranger.do("POST", "keys/claim", body)
        ((key_id, key),) = answer["one_time_keys"][user][device].items()
        if key.get("fallback"):
            return len(taken)
        assert key_id not in taken
        taken.add(key_id)


async def test_all_one_time_keys_claimed_while_the_bot_is_down_are_made_anew(world: World) -> None:
    account = await world.bot()
    bot, ear, room, member = await group_of(world, bot=await account.start())
    await account.close()
    assert await claim_all(await world.person("dan"), bot.user_id, account.account.device_id) >= 25

    await member.client.send(room, because("down"), words("said while you were down"))  # the fallback key carries it
    bot = await account.start()
    again = Ear(bot, ear.cursor)
    assert (await again.message("said while you were down")).bound

    await again.once()
    left = await claim_all(await world.person("eve"), bot.user_id, account.account.device_id)
    assert left >= 25


async def test_a_forged_sender_is_not_bound_to_any_of_their_devices(world: World) -> None:
    """What a homeserver could do: hand us Ada's own words as if Ben had said them."""
    bot, ear, room, member = await group_of(world)
    ben = await world.client()
    await bring(bot, room, ben, ear)
    sent = await member.client.send(room, because("order"), words("!close"))
    honest = await ear.message("!close")
    event = await bot._connection.get(f"/_matrix/client/v3/rooms/{quote(room)}/event/{quote(sent.event_id)}")

    await bot._their_keys.know({ben.user_id})
    forged = bot._listening.reader.heard(room, event | {"sender": ben.user_id})

    again = bot._listening.reader.heard(room, event | {"event_id": "$another"})

    assert honest.bound
    assert isinstance(again, Undecipherable)
    assert isinstance(forged, Message)
    assert (forged.sender, forged.bound, forged.signed) == (ben.user_id, False, False)


async def test_those_only_invited_get_no_key_and_read_nothing_said_before_they_came(world: World) -> None:
    bot, ear, room, member = await group_of(world)
    invited = await world.client()
    invited_ear = await Ear(invited).begin()
    await bot.take(Invite(room, invited.user_id))
    await bot.send(room, because("before"), words("said before"))
    await invited_ear.once()
    assert invited_ear.syncs[-1].keys_arrived == frozenset()

    await bring(bot, room, invited, ear)
    await bot.send(room, because("after"), words("said after"))
    assert (await invited_ear.message("said after")).bound
    assert "said before" not in invited_ear.messages
    assert (await member.message("said before")).bound


async def test_who_has_left_cannot_read_what_is_said_next(world: World) -> None:
    bot, ear, room, member = await group_of(world)
    leaving = await world.client()
    await bring(bot, room, leaving, ear)
    await bot.send(room, because("one"), words("one"))
    first = bot._machine.outbound_group_sessions[room].id
    await leaving.decline(room)
    await ear.until(lambda event: isinstance(event, MembershipChanged) and event.membership == "leave")

    await bot.send(room, because("two"), words("two"))

    session = bot._machine.outbound_group_sessions[room]
    assert session.id != first
    assert {user for user, _ in session.users_shared_with} == {member.client.user_id}


async def test_words_in_clear_and_words_without_a_key_are_told_apart(world: World) -> None:
    bot, ear, room, _ = await group_of(world)
    dan = await world.person("dan")
    await bring(bot, room, dan, ear)
    await dan.say_in_clear(room, "in clear")
    unknown = {"algorithm": MEGOLM, "ciphertext": "AAAA", "session_id": "none", "sender_key": "x", "device_id": "x"}
    await dan.do("PUT", f"rooms/{quote(room)}/send/m.room.encrypted/1", unknown)

    said = await ear.message("in clear")
    unread = await ear.until(lambda event: isinstance(event, Unreadable))

    assert (said.encrypted, said.bound, said.signed) == (False, False, False)
    assert isinstance(unread, Unreadable)
    assert unread.session_id == "none"
    assert await bot.read_again(room, [unread.event_id, said.event_id]) == (unread, said)
