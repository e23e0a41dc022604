"""The contract on rooms: made, found, looked at, changed."""

from dataclasses import replace

import pytest

from bridge.heard import Heard, StateChanged
from bridge.matrix.homeserver import Invite, Rejected, SetState, Tombstone, TryLater
from facilitator.ids import MatrixRoomId, RoomId, UserId, because, new_id
from facilitator.rules.server_acl import ServerAcl, only
from facilitator.rules.user_id import server_of
from facilitator.rules.wanted_room import ENCRYPTION, power_levels
from tests.contract_world import ContractWorld, Ear, led_by, step, with_people, words

NOWHERE = MatrixRoomId("!nowhere")


class RoomContract:
    async def test_a_room_is_found_by_its_marker_after_a_restart(self, world: ContractWorld) -> None:
        made = step()
        room = await (await world.start()).create(made)
        again = await world.start()
        assert await again.find(made.marker) == room
        assert await again.find(RoomId("nobody's")) is None

    async def test_a_room_is_found_where_it_was_made(self, world: ContractWorld) -> None:
        bot, made = await world.start(), step()
        assert await bot.find(made.marker) is None
        room = await bot.create(made)
        assert await bot.find(made.marker) == room

    async def test_a_room_whose_answer_was_lost_is_found_and_not_made_twice(self, world: ContractWorld) -> None:
        bot, made = await world.start(), step()
        assert await bot.find(made.marker) is None
        world.lose_next_answer()
        with pytest.raises(TryLater):
            await bot.create(made)
        room = await bot.find(made.marker)
        assert room is not None
        assert (await bot.look(room)).marker == made.marker

    async def test_creating_twice_makes_two_rooms(self, world: ContractWorld) -> None:
        bot, made = await world.start(), step()
        assert await bot.create(made) != await bot.create(made)

    async def test_a_server_that_says_anything_answers(self, world: ContractWorld) -> None:
        bot = await world.start()
        assert await bot.answers(UserId("@zoe:unknown.example"))
        assert await bot.answers((await world.other("ada")).user_id)

    async def test_every_room_it_is_in_is_told_whoever_made_it(self, world: ContractWorld) -> None:
        bot, ada = await world.start(), await world.other("ada")
        ours, left = await bot.create(step()), await bot.create(step())
        theirs = await ada.make_room(bot.user_id, direct=True, encrypted=True)
        declined = await ada.make_room(bot.user_id, direct=True, encrypted=True)
        await bot.accept(theirs)
        await bot.decline(left)
        joined = await (await world.start()).joined()
        assert {ours, theirs} <= joined
        assert not {left, declined} & joined

    async def test_a_room_somebody_else_made_is_never_found_by_our_marker(self, world: ContractWorld) -> None:
        bot, ada = await world.start(), await world.other("ada")
        room = await ada.make_room(bot.user_id, direct=False, encrypted=True)
        await bot.accept(room)
        assert (await bot.look(room)).marker is None

    async def test_a_new_room_is_what_was_asked_for(self, world: ContractWorld) -> None:
        bot, ada = await world.start(), await world.other("ada")
        made = led_by(ada)
        found = await bot.look(await bot.create(made))
        assert (found.version, found.marker, found.name, found.topic) == ("12", made.marker, "Maple room", None)
        assert (found.join_rule, found.history_visibility, found.guest_access) == ("invite", "joined", "forbidden")
        assert found.encryption == ENCRYPTION
        assert found.creators == {bot.user_id}
        assert found.members == {bot.user_id: "join"}
        for key, value in power_levels(frozenset({ada.user_id})).items():
            assert found.power_levels[key] == value

    async def test_an_additional_creator_is_shown(self, world: ContractWorld) -> None:
        bot, recovery = await world.start(), await world.other("recovery")
        room = await bot.create(step(additional_creators=(recovery.user_id,)))
        assert (await bot.look(room)).creators == {bot.user_id, recovery.user_id}

    @pytest.mark.parametrize("trusting", [False, True], ids=["", "trusting"])
    @pytest.mark.parametrize(("version", "has_creators"), [("11", False), ("12", True)])
    async def test_who_made_a_room_is_shown_in_every_version(
        self, world: ContractWorld, version: str, has_creators: bool, trusting: bool
    ) -> None:
        bot, ada = await world.start(), await world.other("ada")
        room = await ada.make_room(bot.user_id, direct=True, encrypted=True, version=version, trusting=trusting)
        await bot.accept(room)
        found = await bot.look(room)
        assert (found.version, found.made_by) == (version, ada.user_id)
        creators = {ada.user_id, bot.user_id} if trusting else {ada.user_id}
        assert found.creators == (creators if has_creators else set())

    async def test_a_room_of_our_own_is_shown_as_ours(self, world: ContractWorld) -> None:
        bot, recovery = await world.start(), await world.other("recovery")
        room = await bot.create(step(additional_creators=(recovery.user_id,)))
        assert (await bot.look(room)).made_by == bot.user_id

    async def test_a_room_that_goes_on_from_another_is_found_by_both(self, world: ContractWorld) -> None:
        bot, made = await world.start(), step()
        first = await bot.create(made)
        second = await bot.create(replace(made, predecessor=first))
        assert (await bot.look(second)).predecessor == first
        for _ in range(2):
            assert await bot.find(made.marker) == first
            assert await bot.find(made.marker, follows=first) == second
            assert await bot.find(made.marker, follows=second) is None
            bot = await world.start()

    async def test_a_room_of_an_older_version_is_made_with_its_maker_in_the_power_map(
        self, world: ContractWorld
    ) -> None:
        bot, ada = await world.start(), await world.other("ada")
        levels = power_levels(frozenset({ada.user_id}))
        with pytest.raises(Rejected):
            await bot.create(step(version="11", power_levels=levels))
        levels["users"][bot.user_id] = 100
        found = await bot.look(await bot.create(step(version="11", power_levels=levels)))
        assert (found.version, found.creators, found.made_by) == ("11", set(), bot.user_id)
        assert found.power_levels["users"] == {bot.user_id: 100, ada.user_id: 50}

    async def test_a_room_that_was_closed_says_who_did_it_and_where_it_goes_on(self, world: ContractWorld) -> None:
        bot = await world.start()
        room, other = await bot.create(step()), await bot.create(step())
        assert (await bot.look(room)).tombstone is None
        await bot.take(SetState(room, "m.room.tombstone", {"body": "Moved", "replacement_room": other}))
        found = await bot.look(room)
        assert found.tombstone == Tombstone(other, bot.user_id)
        assert found.set_by["m.room.tombstone"].user == bot.user_id

    async def test_who_set_what_is_shown_with_the_event_that_did_it(self, world: ContractWorld) -> None:
        bot, ada = await world.start(), await world.other("ada")
        levels = power_levels(frozenset({ada.user_id}))
        levels["events"]["m.room.name"] = 50
        room = await with_people(bot, ada, room=step(power_levels=levels))
        before = (await bot.look(room)).set_by["m.room.name"]
        await ada.set_state(room, "m.room.name", {"name": "Ada's room"})
        after = (await bot.look(room)).set_by["m.room.name"]
        assert (before.user, after.user) == (bot.user_id, ada.user_id)
        assert before.event_id != after.event_id

    async def test_the_homeserver_makes_rooms_of_version_twelve_and_knows_its_people(
        self, world: ContractWorld
    ) -> None:
        bot, ada = await world.start(), await world.other("ada")
        assert bot.room_version == "12"
        assert await bot.has_account(ada.user_id)
        assert not await bot.has_account(UserId(f"@nobody-here:{server_of(bot.user_id)}"))

    async def test_a_creator_in_the_power_map_is_refused(self, world: ContractWorld) -> None:
        bot = await world.start()
        room = await bot.create(step())
        with pytest.raises(Rejected):
            await bot.take(SetState(room, "m.room.power_levels", power_levels(frozenset({bot.user_id}))))

    async def test_state_that_is_set_is_seen_and_heard(self, world: ContractWorld) -> None:
        bot = await world.start()
        ear, room = await Ear(bot).begin(), await bot.create(step())
        await ear.all_in(room)
        await bot.take(SetState(room, "m.room.name", {"name": "Birch room"}))
        assert (await bot.look(room)).name == "Birch room"
        (heard,) = await ear.all_in(room)
        assert isinstance(heard, StateChanged)
        assert (heard.type, heard.state_key, heard.sender) == ("m.room.name", "", bot.user_id)

    async def test_a_list_of_servers_is_there_from_the_beginning_and_seen(self, world: ContractWorld) -> None:
        bot = await world.start()
        acl = only({server_of(bot.user_id), "one.example"}).content()
        room = await bot.create(step(server_acl=acl))
        assert (await bot.look(room)).server_acl == acl
        await bot.take(SetState(room, "m.room.server_acl", ServerAcl().content()))
        assert (await bot.look(room)).server_acl == ServerAcl().content()

    async def test_setting_the_same_state_again_changes_nothing(self, world: ContractWorld) -> None:
        bot = await world.start()
        ear, room = await Ear(bot).begin(), await bot.create(step())
        await ear.all_in(room)
        for _ in range(3):
            await bot.take(SetState(room, "m.room.name", {"name": "Birch room"}))
        assert len(await ear.all_in(room)) == 1

    async def test_our_own_steps_are_expected_when_heard_and_others_are_not(self, world: ContractWorld) -> None:
        bot, ada = await world.start(), await world.other("ada")
        levels = power_levels(frozenset({ada.user_id}))
        levels["events"]["m.room.name"] = 50
        ear, room = await Ear(bot).begin(), await bot.create(step(power_levels=levels))
        made = [each for each in await ear.all_in(room) if isinstance(each, StateChanged)]
        assert made and all(each.expected for each in made)
        await bot.take(Invite(room, ada.user_id))
        await ada.join(room)
        heard: list[Heard] = []
        await bot.take(SetState(room, "m.room.name", {"name": "Cedar room"}))
        heard += await ear.all_in(room)
        await ada.set_state(room, "m.room.name", {"name": "Ada's room"})
        heard += await ear.all_in(room)
        named = [each for each in heard if isinstance(each, StateChanged)]
        assert [(each.sender, each.expected) for each in named] == [(bot.user_id, True), (ada.user_id, False)]

    async def test_a_room_just_made_is_none_we_came_into_and_one_we_come_back_to_is(self, world: ContractWorld) -> None:
        bot, ada = await world.start(), await world.other("ada")
        ear, room = await Ear(bot).begin(), await bot.create(led_by(ada))
        heard = await ear.all_in(room)
        assert not [each for each in heard if each.sender != bot.user_id]
        assert room not in ear.came_and_went
        await bot.take(Invite(room, ada.user_id))
        await ada.join(room)
        await bot.decline(room)
        await ada.invite(room, bot.user_id)
        await bot.accept(room)
        await ear.all_in(room)
        assert ear.came_and_went[room] == "join"

    async def test_nothing_is_said_in_a_room_that_was_not_seen_to_be_encrypted(self, world: ContractWorld) -> None:
        bot = await world.start()
        room = await bot.create(step())
        with pytest.raises(Rejected) as refused:
            await bot.send(room, because("reminder", new_id()), words("at seven"))
        assert refused.value.code == "HEARTH_NOT_ENCRYPTED"
        await bot.look(room)
        assert (await bot.send(room, because("reminder", new_id()), words("at seven"))).event_id

    async def test_drift_is_heard_and_seen(self, world: ContractWorld) -> None:
        bot, ada = await world.start(), await world.other("ada")
        levels = power_levels(frozenset({ada.user_id}))
        levels["events"]["m.room.name"] = 50
        ear, room = await Ear(bot).begin(), await with_people(bot, ada, room=step(power_levels=levels))
        await ear.all_in(room)
        await ada.set_state(room, "m.room.name", {"name": "Ada's room"})
        (heard,) = await ear.all_in(room)
        assert isinstance(heard, StateChanged)
        assert (heard.type, heard.sender) == ("m.room.name", ada.user_id)
        assert (await bot.look(room)).name == "Ada's room"

    async def test_a_room_we_left_or_never_entered_is_not_shown(self, world: ContractWorld) -> None:
        bot = await world.start()
        room = await bot.create(step())
        await bot.decline(room)
        for gone in (room, NOWHERE):
            with pytest.raises(Rejected) as refused:
                await bot.look(gone)
            assert refused.value.code in ("M_FORBIDDEN", "M_NOT_FOUND")

    async def test_a_room_we_left_is_not_found(self, world: ContractWorld) -> None:
        bot, made = await world.start(), step()
        room = await bot.create(made)
        await bot.decline(room)
        assert await bot.find(made.marker) is None
        assert await (await world.start()).find(made.marker) is None
