"""As much as anybody can send us: what a member says next is heard all the same, and nothing is left behind."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

import pytest

from bridge.heard import StateChanged
from bridge.matrix.homeserver import Rejected
from facilitator.ids import because
from tests.live.gathered import bring, group_of, words
from tests.live.keys_of_a_stranger import OLM
from tests.live.world import World

pytestmark = pytest.mark.live

POST = 3_000 if os.environ.get("HEARTH_SOAK") else 250
"""Messages to the device; a homeserver hands on a hundred at a time."""
INVITATIONS = 60 if os.environ.get("HEARTH_SOAK") else 15
FLOOD = 1_000 if os.environ.get("HEARTH_SOAK") else 60
"""Pieces of state; an answer brings at most fifty events of a room."""
LONGEST = 47_000
"""Letters that, encrypted, nearly fill the 65,536 bytes an event may have."""


async def side_by_side(deeds: list[Coroutine[Any, Any, Any]], *, at_once: int = 20) -> None:
    gate = asyncio.Semaphore(at_once)

    async def one(deed: Coroutine[Any, Any, Any]) -> None:
        async with gate:
            await deed

    await asyncio.gather(*map(one, deeds))


async def test_invitations_by_the_dozen_keep_nothing_from_being_heard_and_stand_open_until_declined(
    world: World,
) -> None:
    bot, ear, room, member = await group_of(world)
    stranger = await world.person("dan")
    await side_by_side([stranger.create(invite=[bot.user_id], is_direct=True) for _ in range(INVITATIONS)])
    await member.client.send(room, because("help"), words("!help"))

    assert (await ear.message("!help")).bound
    heard = {invitation.room for sync in ear.syncs for invitation in sync.invitations}
    assert len(heard) == INVITATIONS
    assert {invitation.room for invitation in await bot.invitations()} == heard, "and again, for a bridge that forgot"
    cursor = ear.cursor
    await side_by_side([bot.decline(each) for each in heard], at_once=4)
    assert await bot.invitations() == ()
    await member.client.send(room, because("after"), words("after"))
    assert ear.cursor == cursor
    assert (await ear.message("after")).bound


async def test_post_by_the_hundred_leaves_nothing_behind_and_the_next_word_is_heard(world: World) -> None:
    bot, ear, room, member = await group_of(world)
    ours = bot._machine.account.identity_keys["curve25519"]
    stranger = await world.person("dan")

    async def post(number: int) -> None:
        ciphertext = {ours: {"type": number % 3, "body": "AwogAAAA"}}
        content = {"algorithm": OLM, "sender_key": f"{number:043}", "ciphertext": ciphertext}
        await stranger.to_device("m.room.encrypted", {bot.user_id: {"*": content}})

    await side_by_side([post(number) for number in range(POST)])
    before = len(bot._machine.session_store._entries)
    while bot._machine.faults["to_device"] < POST * 2 // 3:
        await ear.once()
    await member.client.send(room, because("after"), words("after"))
    assert (await ear.message("after")).bound
    assert len(bot._machine.session_store._entries) <= before + 1


async def test_state_set_over_and_over_is_told_a_few_times_and_the_next_word_is_heard(world: World) -> None:
    """More of it than an answer carries: the rest is walked back for."""
    bot, ear, room, member = await group_of(world, power={"users_default": 50})
    ada = await world.person("ada")
    await bring(bot, room, ada, ear)
    await side_by_side([ada.set_state(room, "m.room.name", {"name": f"Name {n}"}) for n in range(FLOOD)])
    await side_by_side([ada.set_state(room, "m.room.topic", {"topic": "x"}, f"key {n}") for n in range(FLOOD // 4)])
    begun = len(ear.heard)
    await member.client.send(room, because("after"), words("after"))
    assert (await ear.message("after")).bound
    told = [event for event in ear.heard[begun:] if isinstance(event, StateChanged)]
    assert [event.type for event in told] == ["m.room.name"]


async def test_the_longest_message_there_can_be_is_heard_and_so_is_the_next(world: World) -> None:
    _, ear, room, member = await group_of(world)
    long = "x" * LONGEST
    with pytest.raises(Rejected, match="M_TOO_LARGE"):
        await member.client.send(room, because("longer"), words(long * 2))
    await member.client.send(room, because("long"), words(long))
    await member.client.send(room, because("after"), words("after"))
    assert (await ear.message(long)).bound
    assert (await ear.message("after")).bound
