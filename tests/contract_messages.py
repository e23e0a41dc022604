"""The contract on messages: said once, heard at least once, for whom they are meant."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.matrix.homeserver import Homeserver, Invite, KnownRoom, Rejected, TryLater
from facilitator.ids import EventId, MatrixRoomId, because, new_id
from facilitator.rules.wanted_room import ENCRYPTION
from tests.contract_world import ContractWorld, Ear, led_by, ready_room, step, with_people, words

NOW = timedelta(0)
NOWHERE = MatrixRoomId("!nowhere")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class MessageContract:
    async def test_an_act_is_said_once_even_over_a_restart(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room, act = await with_people(bot, ben), because("reminder", new_id())
        first = await bot.send(room, act, words("at seven"))
        assert (await bot.send(room, act, words("at seven"))).event_id == first.event_id
        again = await world.start()
        again.remember([KnownRoom(room, ENCRYPTION)])
        assert (await again.send(room, act, words("at seven"))).event_id == first.event_id
        assert await ben.sees(room) == [first.event_id]

    async def test_an_act_whose_answer_was_lost_is_said_once(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room, act = await with_people(bot, ben), because("reminder", new_id())
        await bot.send(room, because("first", new_id()), words("hello"))
        world.lose_next_answer()
        with pytest.raises(TryLater):
            await bot.send(room, act, words("at seven"))
        said = await bot.find_sent(room, act)
        assert (await bot.send(room, act, words("at seven"))).event_id == said
        assert len(await ben.sees(room)) == 2

    async def test_different_acts_and_different_rooms_are_different_messages(self, world: ContractWorld) -> None:
        bot = await world.start()
        one, other = await ready_room(bot, step()), await ready_room(bot, step())
        act = because("reminder", new_id())
        said = [
            await bot.send(one, act, words("at seven")),
            await bot.send(other, act, words("at seven")),
            await bot.send(one, because("another", new_id()), words("at seven")),
        ]
        assert len({sent.event_id for sent in said}) == 3

    async def refused(self, bot: Homeserver, room: MatrixRoomId) -> None:
        with pytest.raises(Rejected) as refused:
            await bot.send(room, because("reminder", new_id()), words("at seven"))
        assert refused.value.code == "HEARTH_NOT_ENCRYPTED"

    async def test_the_bot_does_not_speak_where_it_knows_of_no_encryption(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        in_clear = await ben.make_room(bot.user_id, direct=True, encrypted=False)
        await bot.accept(in_clear)
        await bot.look(in_clear)
        ours = await with_people(bot, ben)
        for room in (in_clear, NOWHERE):
            await self.refused(bot, room)
        await self.refused(await world.start(), ours)
        assert await ben.sees(in_clear) == []

    async def test_a_room_once_looked_at_may_be_spoken_in(self, world: ContractWorld) -> None:
        room = await ready_room(await world.start(), step())
        again = await world.start()
        await again.look(room)
        assert (await again.send(room, because("reminder", new_id()), words("at seven"))).event_id

    async def test_where_we_are_no_longer_nothing_is_said(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room = await ben.make_room(bot.user_id, direct=True, encrypted=True)
        await bot.accept(room)
        await ben.kick(room, bot.user_id)
        with pytest.raises(Rejected):
            await bot.send(room, because("reminder", new_id()), words("at seven"))
        assert await ben.sees(room) == []

    async def test_who_joins_later_does_not_see_what_was_said_before(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room = await ready_room(bot, step())
        await bot.send(room, because("before", new_id()), words("before"))
        await bot.take(Invite(room, ben.user_id))
        await bot.send(room, because("between", new_id()), words("while invited"))
        await ben.join(room)
        after = await bot.send(room, because("after", new_id()), words("after"))
        assert await ben.sees(room) == [after.event_id]

    async def test_a_message_is_looked_for_by_its_act(self, world: ContractWorld) -> None:
        bot = await world.start()
        room, act = await ready_room(bot, step()), because("reminder", new_id())
        sent = await bot.send(room, act, words("at seven"))
        await bot.send(room, because("next", new_id()), words("at eight"))
        again = await world.start()
        assert await again.find_sent(room, act) == sent.event_id
        assert await again.find_sent(room, because("never", new_id())) is None
        assert await again.find_sent(room, act, tried=LONG_AGO) == sent.event_id
        assert await again.find_sent(room, because("never", new_id()), tried=LONG_AGO) is None
        assert again.device_id == bot.device_id
        now = (await again.listen(None, wait=NOW)).next_batch
        assert await again.find_sent(room, act, since=now) is None

    async def test_a_message_is_hidden_for_everybody_and_hiding_again_is_harmless(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room = await with_people(bot, ben)
        ours = (await bot.send(room, because("reminder", new_id()), words("at seven"))).event_id
        theirs = await ben.say_in_clear(room, "my number is …")
        for event in (ours, theirs, ours):
            await bot.redact(room, event, because("hide", event))
        assert await ben.sees(room) == []

    async def test_the_keys_go_to_signed_devices_only_but_in_a_direct_room_to_all(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        await ben.use_unsigned_device()
        group = await with_people(bot, ben)
        direct = await with_people(bot, ben, room=step(direct_to=ben.user_id))
        assert (await bot.send(group, because("a", new_id()), words("at seven"))).withheld == {ben.user_id}
        assert (await bot.send(group, because("b", new_id()), words("at eight"))).withheld == frozenset()
        assert (await bot.send(direct, because("c", new_id()), words("at nine"))).withheld == frozenset()

    async def test_a_key_shared_before_is_told_of_with_the_message_that_needs_it(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        await ben.use_unsigned_device()
        room, empty = await with_people(bot, ben), await ready_room(bot, step())
        await bot.share_soon([room, empty])
        await bot.share_soon([room, empty])
        assert (await bot.send(room, because("a", new_id()), words("at seven"))).withheld == {ben.user_id}
        assert (await bot.send(room, because("b", new_id()), words("at eight"))).withheld == frozenset()

    async def test_sharing_before_leaves_out_where_nothing_can_be_said_and_never_fails(
        self, world: ContractWorld
    ) -> None:
        bot, ada, ben = await world.start(), await world.other("ada"), await world.other("ben")
        lost = await with_people(bot, ada, room=led_by(ada))
        room = await with_people(bot, ben)
        await bot.decline(lost)
        await bot.share_soon([lost, NOWHERE, room])
        await world.sign_out()
        await bot.share_soon([room])

    async def test_after_a_restart_a_remembered_direct_room_is_still_for_all_devices(
        self, world: ContractWorld
    ) -> None:
        bot, ben = await world.start(), await world.other("ben")
        await ben.use_unsigned_device()
        room = await with_people(bot, ben, room=step(direct_to=ben.user_id))
        again = await world.start()
        again.remember([KnownRoom(room, ENCRYPTION, all_devices=True)])
        await again.look(room)
        assert (await again.send(room, because("a", new_id()), words("at seven"))).withheld == frozenset()

    async def test_what_is_said_in_clear_is_heard_as_such_and_our_own_words_are_not(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room, ear = await with_people(bot, ben), await Ear(bot).begin()
        event_id = await ben.say_in_clear(room, "hello")
        await bot.send(room, because("answer", event_id), words("hello Ben"))
        (heard,) = await ear.messages_in(room)
        assert (heard.event_id, heard.sender, heard.body) == (event_id, ben.user_id, "hello")
        assert (heard.encrypted, heard.bound, heard.signed) == (False, False, False)
        assert heard.sent_at.utcoffset() == timedelta(0)
        assert "hello" not in repr(heard)

    async def test_what_was_said_while_nobody_listened_is_heard_whole_and_in_order(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room, ear = await with_people(bot, ben), await Ear(bot).begin()
        said = [await ben.say_in_clear(room, f"word {number}") for number in range(120)]
        late = Ear(await world.start(), ear.cursor)
        late.bot.remember([KnownRoom(room, ENCRYPTION)])
        assert [message.event_id for message in await late.messages_in(room)] == said

    async def test_the_same_cursor_gives_the_same_events_again(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room, ear = await with_people(bot, ben), await Ear(bot).begin()
        cursor = ear.cursor
        await ben.say_in_clear(room, "hello")
        await ben.leave(room)
        first: list[EventId] = [event.event_id for event in await ear.all_in(room)]
        assert len(first) == 2
        for again in (await bot.listen(cursor, wait=NOW), await (await world.start()).listen(cursor, wait=NOW)):
            assert [event.event_id for event in again.events if event.room == room][:2] == first

    async def test_the_first_listening_begins_now(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room = await with_people(bot, ben)
        await ben.say_in_clear(room, "long ago")
        first = await bot.listen(None, wait=NOW)
        assert first.events == ()
        await ben.say_in_clear(room, "just now")
        assert [message.body for message in await Ear(bot, first.next_batch).messages_in(room)] == ["just now"]

    async def test_listening_with_nothing_new_ends_and_hears_nothing(self, world: ContractWorld) -> None:
        bot = await world.start()
        ear = await Ear(bot).begin()
        sync = await ear.once(timedelta(milliseconds=100))
        assert (sync.events, sync.invitations, dict(sync.ours)) == ((), (), {})
