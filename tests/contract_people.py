"""The contract on people: invited, removed, coming and going by themselves."""

from datetime import timedelta

import pytest

from bridge.heard import MembershipChanged
from bridge.matrix.homeserver import HomeserverError, Invite, Rejected, Remove
from facilitator.ids import UserId
from facilitator.rules.wanted_room import power_levels
from tests.contract_world import ContractWorld, Ear, led_by, ready_room, step, with_people

NOW, SHORT = timedelta(0), timedelta(milliseconds=100)


class PeopleContract:
    async def test_comings_and_goings_are_heard_once_and_in_order(self, world: ContractWorld) -> None:
        bot, ada, ben = await world.start(), await world.other("ada"), await world.other("ben")
        room = await with_people(bot, ada, room=led_by(ada))
        ear = await Ear(bot).begin()
        await bot.take(Invite(room, ben.user_id))
        await ben.join(room)
        await ben.leave(room)
        await bot.take(Invite(room, ben.user_id))
        await ben.join(room)
        await ada.ban(room, ben.user_id)
        assert await ear.changes_in(room) == [
            (ben.user_id, "invite", bot.user_id),
            (ben.user_id, "join", ben.user_id),
            (ben.user_id, "leave", ben.user_id),
            (ben.user_id, "invite", bot.user_id),
            (ben.user_id, "join", ben.user_id),
            (ben.user_id, "ban", ada.user_id),
        ]
        assert await ear.changes_in(room) == []

    async def test_a_change_says_what_was_before_and_whose_doing_it_was(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        ear, room = await Ear(bot).begin(), await with_people(bot, ben)
        await ben.leave(room)
        await bot.take(Invite(room, ben.user_id))
        await ben.leave(room)
        heard = [e for e in await ear.all_in(room) if isinstance(e, MembershipChanged) and e.user == ben.user_id]
        assert [(e.before, e.membership, e.by_themselves) for e in heard] == [
            ("leave", "invite", False),
            ("invite", "join", True),
            ("join", "leave", True),
            ("leave", "invite", False),
            ("invite", "leave", True),
        ]

    async def test_inviting_who_is_there_already_is_no_error_and_no_event(self, world: ContractWorld) -> None:
        bot, ada, ben = await world.start(), await world.other("ada"), await world.other("ben")
        room = await with_people(bot, ada)
        await bot.take(Invite(room, ben.user_id))
        ear = await Ear(bot).begin()
        for person in (ada, ben):
            await bot.take(Invite(room, person.user_id))
        assert await ear.changes_in(room) == []

    async def test_removing_who_is_gone_is_no_error_and_no_event(self, world: ContractWorld) -> None:
        bot, ada, ben, cleo = (await world.start(), *[await world.other(name) for name in ("ada", "ben", "cleo")])
        room = await with_people(bot, ada, ben, room=led_by(ada))
        await ben.leave(room)
        ear = await Ear(bot).begin()
        for person in (ben, cleo):
            await bot.take(Remove(room, person.user_id))
        assert await ear.changes_in(room) == []
        await bot.take(Invite(room, ben.user_id))
        await ada.ban(room, ben.user_id)
        await bot.take(Remove(room, ben.user_id))
        assert (await bot.look(room)).members[ben.user_id] == "ban"

    async def test_removing_takes_a_member_out_and_an_invitation_back(self, world: ContractWorld) -> None:
        bot, ada, ben = await world.start(), await world.other("ada"), await world.other("ben")
        room = await with_people(bot, ada)
        await bot.take(Invite(room, ben.user_id))
        for person in (ada, ben):
            await bot.take(Remove(room, person.user_id, "kindly"))
        members = (await bot.look(room)).members
        assert (members[ada.user_id], members[ben.user_id]) == ("leave", "leave")
        with pytest.raises(Rejected):
            await ben.join(room)

    @pytest.mark.parametrize("malformed", ["nobody", "@nobody", "nobody:test"])
    async def test_inviting_what_is_no_matrix_id_is_refused(self, world: ContractWorld, malformed: str) -> None:
        bot = await world.start()
        room = await ready_room(bot, step())
        with pytest.raises(Rejected) as refused:
            await bot.take(Invite(room, UserId(malformed)))
        assert refused.value.code == "M_INVALID_PARAM"
        assert malformed not in f"{refused.value} {refused.value!r}"

    async def test_inviting_on_a_server_that_is_not_reached_fails_and_the_room_goes_on(
        self, world: ContractWorld
    ) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room = await ready_room(bot, step())
        with pytest.raises(HomeserverError):
            await bot.take(Invite(room, UserId("@cleo:elsewhere.invalid")))
        await bot.take(Invite(room, ben.user_id))
        assert (await bot.look(room)).members == {bot.user_id: "join", ben.user_id: "invite"}

    async def test_inviting_who_was_banned_is_refused(self, world: ContractWorld) -> None:
        bot, ada, ben = await world.start(), await world.other("ada"), await world.other("ben")
        room = await with_people(bot, ada, ben, room=led_by(ada))
        await ada.ban(room, ben.user_id)
        with pytest.raises(Rejected) as refused:
            await bot.take(Invite(room, ben.user_id))
        assert refused.value.code in ("M_BAD_STATE", "M_FORBIDDEN")

    async def test_what_a_facilitator_does_in_their_own_client_is_heard_as_theirs(self, world: ContractWorld) -> None:
        bot, ada, ben = await world.start(), await world.other("ada"), await world.other("ben")
        room = await with_people(bot, ada, room=led_by(ada))
        ear = await Ear(bot).begin()
        await ada.invite(room, ben.user_id)
        await ben.join(room)
        await ada.kick(room, ben.user_id)
        assert await ear.changes_in(room) == [
            (ben.user_id, "invite", ada.user_id),
            (ben.user_id, "join", ben.user_id),
            (ben.user_id, "leave", ada.user_id),
        ]

    async def test_a_member_has_no_power_and_nobody_removes_the_bot(self, world: ContractWorld) -> None:
        bot, ada, ben = await world.start(), await world.other("ada"), await world.other("ben")
        room = await with_people(bot, ada, ben, room=led_by(ada))
        for forbidden in (
            ben.set_state(room, "m.room.name", {"name": "Ben's"}),
            ben.kick(room, ada.user_id),
            ben.invite(room, UserId(f"@x-{ben.user_id[1:]}")),
            ada.kick(room, bot.user_id),
            ada.ban(room, bot.user_id),
            ada.set_state(room, "m.room.power_levels", power_levels(frozenset({ada.user_id, ben.user_id}))),
        ):
            with pytest.raises(Rejected):
                await forbidden
        found = await bot.look(room)
        assert (found.name, found.members[bot.user_id]) == ("Maple room", "join")

    async def test_nobody_joins_uninvited(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room = await ready_room(bot, step())
        with pytest.raises(Rejected):
            await ben.join(room)

    @pytest.mark.parametrize(("direct", "encrypted"), [(True, True), (False, True), (True, False)])
    async def test_an_invitation_of_the_bot_says_what_it_is_for_and_can_be_accepted(
        self, world: ContractWorld, direct: bool, encrypted: bool
    ) -> None:
        bot, ben = await world.start(), await world.other("ben")
        ear = await Ear(bot).begin()
        room = await ben.make_room(bot.user_id, direct=direct, encrypted=encrypted)
        invitation = await ear.invitation(room)
        assert (invitation.sender, invitation.direct, invitation.encrypted) == (ben.user_id, direct, encrypted)
        assert (await ear.once(SHORT)).invitations == (), "it is heard once"
        await bot.accept(room)
        assert (await bot.look(room)).members[bot.user_id] == "join"

    async def test_an_invitation_that_waited_is_heard_at_the_first_start(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room = await ben.make_room(bot.user_id, direct=True, encrypted=True)
        first = await (await world.start()).listen(None, wait=NOW)
        assert [invitation.room for invitation in first.invitations] == [room]
        assert first.events == ()

    async def test_a_declined_invitation_is_over(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room = await ben.make_room(bot.user_id, direct=True, encrypted=True)
        await bot.decline(room)
        await bot.decline(room)
        assert (await bot.listen(None, wait=NOW)).invitations == ()
        with pytest.raises(Rejected):
            await bot.look(room)
        with pytest.raises(Rejected):
            await bot.accept(room)

    async def test_the_bot_put_out_of_a_room_hears_so(self, world: ContractWorld) -> None:
        bot, ben = await world.start(), await world.other("ben")
        room = await ben.make_room(bot.user_id, direct=True, encrypted=True)
        await bot.accept(room)
        ear = await Ear(bot).begin()
        await ben.kick(room, bot.user_id)
        assert await ear.own_standing(room) == "leave"
        with pytest.raises(Rejected):
            await bot.look(room)
