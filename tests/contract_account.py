"""The contract on the bot's own account."""

from datetime import timedelta

import pytest

from bridge.matrix.homeserver import SetState, SignedOut
from facilitator.ids import because, new_id
from tests.contract_world import ContractWorld, step, words

NOW = timedelta(0)


class AccountContract:
    async def test_the_device_is_signed(self, world: ContractWorld) -> None:
        assert await (await world.start()).is_signed()

    async def test_a_bot_that_was_signed_out_is_told_so_by_everything(self, world: ContractWorld) -> None:
        bot = await world.start()
        room = await bot.create(step())
        await world.sign_out()
        for asked in (
            bot.listen(None, wait=NOW),
            bot.look(room),
            bot.create(step()),
            bot.take(SetState(room, "m.room.name", {"name": "x"})),
            bot.send(room, because("reminder", new_id()), words("at seven")),
            bot.find_sent(room, because("reminder")),
        ):
            with pytest.raises(SignedOut):
                await asked
