"""The contract on keys: who could read us is known without a word, and whose devices changed is heard."""

from bridge.matrix.homeserver import Invite
from facilitator.ids import MatrixRoomId, because, new_id
from facilitator.rules.reach import Reach
from tests.contract_world import POLLS, ContractWorld, Ear, step, with_people, words


class KeyContract:
    async def test_who_could_read_us_is_known_before_anything_is_said(self, world: ContractWorld) -> None:
        bot, ben, cleo = await world.start(), await world.other("ben"), await world.other("cleo")
        await ben.use_unsigned_device()
        group = await with_people(bot, ben)
        direct = await with_people(bot, ben, room=step(direct_to=ben.user_id))
        await bot.take(Invite(group, cleo.user_id))
        for room in (group, direct):
            await bot.look(room)
        assert await bot.reach([group, direct, MatrixRoomId("!nowhere")]) == {
            group: {ben.user_id: Reach(refused=1)},
            direct: {ben.user_id: Reach(given=1)},
        }
        assert await ben.sees(group) == []

    async def test_a_message_says_how_far_its_key_came(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        await ben.use_unsigned_device()
        group = await with_people(bot, ben)
        direct = await with_people(bot, ben, room=step(direct_to=ben.user_id))
        said = [await bot.send(room, because("a", new_id()), words("at seven")) for room in (group, direct)]
        assert [sent.reached for sent in said] == [{ben.user_id: Reach(refused=1)}, {ben.user_id: Reach(given=1)}]

    async def test_whose_devices_changed_is_heard(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room = await with_people(bot, ben)
        ear = await Ear(bot).begin()
        assert await ear.messages_in(room) == []
        await ben.use_unsigned_device()
        for _ in range(POLLS):
            if ben.user_id in (await ear.once()).devices_changed:
                return
        raise AssertionError("the change was never heard")
