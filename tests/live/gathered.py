"""A bot, its ear, and people in a room with it: where most of what goes between them begins."""

from collections.abc import Mapping
from typing import Any

from bridge.matrix.client import NioHomeserver
from bridge.matrix.homeserver import Invite
from facilitator.ids import MatrixRoomId
from tests.live.hearing import Ear
from tests.live.world import POWER, Person, World, room_step


def words(body: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body}


async def bring(bot: NioHomeserver, room: MatrixRoomId, other: Person | NioHomeserver, ear: Ear) -> None:
    """Have `other` join, and the bot know it."""
    await bot.take(Invite(room, other.user_id))
    await (other.join(room) if isinstance(other, Person) else other.accept(room))
    await ear.joined(room, other.user_id)


async def group_of(
    world: World, *, bot: NioHomeserver | None = None, power: Mapping[str, Any] | None = None
) -> tuple[NioHomeserver, Ear, MatrixRoomId, Ear]:
    """A bot and a sound, signed member in a room. The member is a second client of ours."""
    bot = bot or await world.client(only_signed=False)
    ear = await Ear(bot).begin()
    room = await bot.create(room_step(power_levels={**POWER, **(power or {})}))
    member = await world.client()
    member_ear = await Ear(member).begin()
    await bring(bot, room, member, ear)
    return bot, ear, room, member_ear
