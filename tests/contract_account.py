"""The contract on the bot's own account."""

from datetime import timedelta

import pytest

from bridge.matrix.homeserver import Overtaken, SetState, SignedOut
from facilitator.ids import because, new_id
from tests.contract_world import ContractWorld, ready_room, step, words

NOW = timedelta(0)


class AccountContract:
    async def test_of_two_processes_on_one_device_the_one_that_began_first_is_told(self, world: ContractWorld) -> None:
        first = await world.start()
        await first.keep_up()
        second = await world.start_beside()
        with pytest.raises(Overtaken):
            await first.keep_up()
        await second.keep_up()

    async def test_the_identity_is_ours(self, world: ContractWorld) -> None:
        assert await (await world.start()).has_our_identity()

    async def test_the_device_is_signed(self, world: ContractWorld) -> None:
        assert await (await world.start()).is_signed()

    async def test_a_bot_that_was_signed_out_is_told_so_by_everything(self, world: ContractWorld) -> None:
        bot = await world.start()
        room = await ready_room(bot, step())
        await world.sign_out()
        for asked in (
            bot.listen(None, wait=NOW),
            bot.look(room),
            bot.create(step()),
            bot.take(SetState(room, "m.room.name", {"name": "x"})),
            bot.send(room, because("reminder", new_id()), words("at seven")),
            bot.find_sent(room, because("reminder")),
            bot.has_our_identity(),
            bot.keep_up(),
        ):
            with pytest.raises(SignedOut):
                await asked
