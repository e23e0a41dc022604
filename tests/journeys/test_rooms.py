"""A group is opened in the panel, and its room comes to be and stays what it should be."""

from datetime import timedelta

import pytest

from bridge.matrix.homeserver import Invite, Rejected
from facilitator.ids import UserId
from facilitator.rules.wanted_room import power_levels
from tests.cast import ADA, BEN, BOT, CLEO, EVE
from tests.fake_weather import fault
from tests.journeys.running import Running

ADMIN = UserId("@admin:test")


async def test_a_new_room_is_private_encrypted_and_complete_before_anybody_is_asked_in(
    any_house: Running,
) -> None:
    group = await any_house.open_group()
    await any_house.invite(group, BEN)
    await any_house.settle()
    room = any_house.marked(await any_house.room_id(group))
    assert room.value("m.room.create", "room_version") == "12"
    assert set(room.state["m.room.create", ""].content) == {"io.hearth.room", "room_version"}
    assert room.value("m.room.history_visibility", "history_visibility") == "joined"
    assert room.value("m.room.guest_access", "guest_access") == "forbidden"
    assert room.value("m.room.join_rules", "join_rule") == "invite"
    assert room.value("m.room.name", "name") == "Maple room"
    wanted = power_levels(frozenset({ADA}))
    assert {name: room.levels[name] for name in wanted} == wanted
    assert BOT not in room.levels["users"]
    kinds = [(event.type, event.content.get("membership")) for event in room.events]
    assert kinds.index(("m.room.encryption", None)) < kinds.index(("m.room.member", "invite"))
    assert room.members() == {BOT: "join", ADA: "invite", BEN: "invite"}
    assert (await any_house.page(group)).room.state == "up_to_date"


async def test_a_room_is_made_with_one_look_and_its_echo_asks_for_none(any_house: Running) -> None:
    house = any_house
    groups = [await house.open_group(name) for name in ("Maple room", "Harbour room")]
    for group in groups:
        await house.invite(group, BEN)
        await house.invite(group, CLEO)
    await house.settle()
    calls = house.server.weather.calls
    asked = {what: calls[what] for what in ("create", "look", "invite", "set_state")}
    backstage = {"create": 2, "look": 2, "invite": 2}
    of_groups = {what: number - backstage.get(what, 0) for what, number in asked.items()}
    assert of_groups == {"create": 2, "look": 2, "invite": 6, "set_state": 0}
    for group in groups:
        room = house.server.rooms[await house.matrix_room(group)]
        assert room.members() == {BOT: "join", ADA: "invite", BEN: "invite", CLEO: "invite"}
        assert (await house.page(group)).room.state == "up_to_date"
        assert {member.reached for member in (await house.page(group)).roster} == {True}


async def test_one_more_member_is_one_look_and_one_invitation(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    house.server.weather.calls.clear()
    await house.invite(group, BEN)
    await house.settle()
    calls = house.server.weather.calls
    assert {what: calls[what] for what in ("look", "invite", "set_state")} == {"look": 1, "invite": 1, "set_state": 0}


async def test_where_one_could_not_be_asked_the_room_is_looked_at_again(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    house.server.weather.calls.clear()
    house.server.weather.strike(Rejected("M_FORBIDDEN"), on="invite")
    await house.invite(group, BEN)
    await house.settle()
    assert house.server.weather.calls["look"] == 2
    (ben,) = (await house.page(group)).roster
    assert (ben.reached, ben.trouble) == (False, "forbidden")


async def test_who_joins_while_the_last_are_asked_in_is_in_and_not_invited(house: Running) -> None:
    group = await house.open_group()
    await house.invite(group, BEN)
    await house.invite(group, CLEO)
    take = house.client.take

    async def take_and_then(step: object) -> None:
        await take(step)  # type: ignore[arg-type]
        if isinstance(step, Invite) and step.user == BEN:
            await house.person(BEN).join(step.room)
            await house.passes[0]()

    house.client.take = take_and_then  # type: ignore[assignment, method-assign]
    await house.settle()
    standings = {member.matrix_id: member.standing for member in (await house.page(group)).roster}
    assert standings == {BEN: "joined", CLEO: "invited"}


async def test_nobody_is_asked_into_a_room_whose_encryption_is_not_seen(house: Running) -> None:
    house.server.weather.strike(fault(), on="create", half=True)
    house.server.weather.strike(fault(), on="set_state")
    group = await house.open_group()
    await house.settle()
    house.clock.turn(timedelta(seconds=3))
    await house.settle()
    assert (await house.page(group)).room.state == "in_trouble"
    room = house.marked(await house.room_id(group))
    assert room.members() == {BOT: "join"}
    house.clock.turn(timedelta(minutes=1))
    await house.settle()
    assert room.encryption is not None
    assert room.membership(ADA) == "invite"
    assert (await house.page(group)).room.state == "up_to_date"


async def test_a_fault_after_the_room_was_made_makes_no_second_one(house: Running) -> None:
    house.server.weather.strike(fault(), on="create", done=True)
    group = await house.open_group()
    await house.settle()
    house.clock.turn(timedelta(minutes=1))
    await house.settle()
    assert len(house.all_marked(await house.room_id(group))) == 1
    assert (await house.page(group)).room.state == "up_to_date"


@pytest.mark.parametrize("by", [ADMIN, BOT])
async def test_name_and_power_are_put_back(house: Running, by: UserId) -> None:
    """Also where somebody did it in the bot's own name: signed in as it, or by an administrator's tool."""
    group = await house.open_group()
    ada, recovery = house.person(ADA), house.server.rooms
    await house.settle()
    room = house.marked(await house.room_id(group))
    await ada.join(room.room)
    await house.settle()
    for type_, content in (
        ("m.room.name", {"name": "Another name"}),
        ("m.room.power_levels", {**room.levels, "invite": 0, "users": {ADA: 50, EVE: 50}}),
        ("m.room.history_visibility", {"history_visibility": "shared"}),
        ("m.room.guest_access", {"guest_access": "can_join"}),
        ("m.room.join_rules", {"join_rule": "public"}),
        ("m.room.server_acl", {"allow": ["elsewhere"]}),
    ):
        house.server.add(room, by, type_, content, state_key="")  # as somebody with the right to it would
        await house.settle()
    assert recovery[room.room].value("m.room.name", "name") == "Maple room"
    assert room.levels["users"] == {ADA: 50}
    assert room.levels["invite"] == 50
    assert room.value("m.room.history_visibility", "history_visibility") == "joined"
    assert room.value("m.room.guest_access", "guest_access") == "forbidden"
    assert room.value("m.room.join_rules", "join_rule") == "invite"
    assert room.content("m.room.server_acl") == {"allow": ["*"], "deny": [], "allow_ip_literals": False}


@pytest.mark.parametrize("late", ["invitation", "removal", "name"])
async def test_a_step_that_goes_through_long_after_it_was_given_up_is_put_right(house: Running, late: str) -> None:
    group = await house.open_group()
    await house.invite(group, BEN)
    await house.invite(group, CLEO)
    await house.settle()
    room = house.marked(await house.room_id(group))
    await house.person(BEN).join(room.room)
    await house.person(ADA).join(room.room)
    await house.person(ADA).kick(room.room, CLEO)
    await house.settle()
    assert room.membership(CLEO) == "leave"
    if late == "invitation":  # asked before she was removed, while her server did not answer
        house.server.change_membership(room, BOT, CLEO, "invite")
    elif late == "removal":
        house.server.change_membership(room, BOT, BEN, "leave")
    else:
        house.server.add(room, BOT, "m.room.name", {"name": "What it was before"}, state_key="")
    await house.settle()
    assert room.membership(CLEO) == "leave"
    assert room.membership(BEN) == ("invite" if late == "removal" else "join")
    assert room.value("m.room.name", "name") == "Maple room"


async def test_drift_heard_while_a_look_is_under_way_is_looked_at_again(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    room = house.marked(await house.room_id(group))
    listen, _, reconcile, *_ = house.passes

    async def drift() -> None:
        house.client.look = look  # type: ignore[method-assign]
        house.server.add(room, ADMIN, "m.room.name", {"name": "Another name"}, state_key="")
        await listen()

    look = house.client.look

    async def look_and_then(matrix_room: object) -> object:
        found = await look(room.room)
        await drift()
        return found

    await house.invite(group, BEN)
    house.client.look = look_and_then  # type: ignore[assignment, method-assign]
    await reconcile()
    await house.settle()
    assert room.value("m.room.name", "name") == "Maple room"


async def test_a_lost_room_says_so_and_none_is_made_in_its_place(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    room = house.marked(await house.room_id(group))
    house.server.add(room, ADMIN, "m.room.member", {"membership": "leave"}, state_key=BOT)
    await house.settle()
    state = (await house.page(group)).room
    assert (state.state, state.trouble) == ("in_trouble", "room_lost")
    await house.wait(timedelta(minutes=30), step=timedelta(minutes=5))
    assert house.group_rooms() == [room.room]
    assert (await house.page(group)).room.trouble == "room_lost"


async def test_help_asked_for_before_the_bot_was_put_out_is_answered_when_it_is_back(any_house: Running) -> None:
    house = any_house
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = house.server.rooms[await house.matrix_room(group)]
    await house.person(ADA).join(room.room)
    await house.settle()
    await ben.say(room.room, "!help")
    await house.passes[0]()
    house.server.add(room, ADMIN, "m.room.member", {"membership": "leave"}, state_key=BOT)
    assert house.sender is not None
    for _ in range(2):
        await house.sender.pass_once()
        await house.sender.lanes.all_ended()
    assert (await house.page(group)).room.trouble == "room_lost"
    await house.wait(timedelta(minutes=30), step=timedelta(minutes=5))
    house.server.add(room, ADA, "m.room.member", {"membership": "invite"}, state_key=BOT)
    await house.wait(timedelta(minutes=1))
    assert [text.split()[0] for text in house.said(room.room)[1:]] == ["Thank"]
    assert await house.waiting() == []


async def test_who_may_not_speak_in_a_room_has_not_lost_it(house: Running, log: list[dict[str, object]]) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    house.server.weather.strike(Rejected("M_FORBIDDEN"), on="send")
    await ben.say(room, "!sessions")
    await house.settle()
    assert (await house.page(group)).room.state == "up_to_date"
    assert [entry["code"] for entry in log if entry["log_level"] == "error"] == ["M_FORBIDDEN"]
    log.clear()


async def test_asked_back_into_its_own_room_the_bot_comes(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    room = house.marked(await house.room_id(group))
    await house.person(ADA).join(room.room)
    house.server.add(room, ADMIN, "m.room.member", {"membership": "leave"}, state_key=BOT)
    await house.settle()
    house.server.add(room, ADA, "m.room.member", {"membership": "invite"}, state_key=BOT)
    await house.settle()
    assert room.membership(BOT) == "join"
    assert (await house.page(group)).room.state == "up_to_date"


async def test_a_room_the_homeserver_refuses_is_in_trouble_and_the_others_are_made(house: Running) -> None:
    house.server.weather.strike(Rejected("M_FORBIDDEN"), on="create")
    first, second = await house.open_group("Maple room"), await house.open_group("Harbour room")
    await house.settle()
    states = [(await house.page(group)).room for group in (first, second)]
    assert sorted(state.state for state in states) == ["in_trouble", "up_to_date"]
    assert {state.trouble for state in states} == {None, "room_refused"}


async def test_two_who_put_each_others_name_back_do_not_press_the_homeserver(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    room = house.marked(await house.room_id(group))
    look = house.client.look

    async def contested(matrix_room: object) -> object:
        house.server.add(room, BOT, "m.room.name", {"name": "Another name"}, state_key="")
        return await look(room.room)

    house.client.look = contested  # type: ignore[assignment, method-assign]
    await house.invite(group, BEN)
    before = house.server.weather.calls["set_state"]
    await house.passes[2]()
    await house.passes[2]()
    assert house.server.weather.calls["set_state"] - before <= 4
