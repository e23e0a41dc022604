"""Invitations across servers, on a real homeserver that may talk to no other one."""

import pytest

from bridge.matrix.changing import SERVER_NOT_REACHED
from bridge.matrix.homeserver import Invite, Rejected
from facilitator.ids import UserId
from tests.live.world import World, room_step

pytestmark = pytest.mark.live


@pytest.mark.parametrize("direct", [False, True])
async def test_a_server_it_may_not_talk_to_is_told_apart_from_a_no(world: World, direct: bool) -> None:
    bot, zoe = await world.client(), UserId("@zoe:unknown.example")
    room = await bot.create(room_step(direct_to=zoe if direct else None))
    with pytest.raises(Rejected) as refused:
        await bot.take(Invite(room, zoe))
    assert refused.value.code == SERVER_NOT_REACHED
