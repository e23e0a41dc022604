"""People are asked in, join, leave, are removed and come back; and whose word wins each time."""

from datetime import timedelta

import pytest

from bridge.matrix.homeserver import HomeserverError, Rejected, SlowDown
from facilitator.ids import UserId
from tests.cast import ADA, BEN, BOT, CLEO, EVE
from tests.journeys.running import Running


async def test_whoever_is_invited_joins_and_is_welcomed_once(any_house: Running) -> None:
    group = await any_house.open_group()
    ben = await any_house.member(group, BEN)
    room = await any_house.matrix_room(group)
    (welcome,) = await ben.read(room)
    assert welcome.startswith("Hello, good to have you here.")
    assert (await any_house.line(group, BEN)).standing == "joined"
    await any_house.start()
    await any_house.settle()
    assert len(any_house.said(room)) == 1


async def test_who_leaves_is_not_asked_again(any_house: Running) -> None:
    group = await any_house.open_group()
    ben = await any_house.member(group, BEN)
    room = any_house.marked(await any_house.room_id(group))
    await ben.leave(room.room)
    await any_house.settle()
    await any_house.invite(group, CLEO)
    await any_house.settle()
    await any_house.start()
    await any_house.settle()
    assert room.membership(BEN) == "leave"
    assert (await any_house.line(group, BEN)).standing == "left"


async def test_who_leaves_while_the_bridge_is_down_is_not_asked_again(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = house.marked(await house.room_id(group))
    await ben.leave(room.room)
    await house.start()
    await house.settle()
    assert room.membership(BEN) == "leave"
    assert (await house.line(group, BEN)).standing == "left"


async def test_who_declines_at_once_is_asked_once(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    room = house.marked(await house.room_id(group))
    take = house.client.take

    async def take_and_decline(step: object) -> None:
        await take(step)  # type: ignore[arg-type]
        if room.membership(BEN) == "invite":
            await house.person(BEN).leave(room.room)

    house.client.take = take_and_decline  # type: ignore[method-assign]
    await house.invite(group, BEN)
    await house.settle()
    asked = [e for e in room.events if e.state_key == BEN and e.content["membership"] == "invite"]
    assert len(asked) == 1
    assert (await house.line(group, BEN)).standing == "left"


async def test_invited_again_in_the_panel_they_are_asked_again_and_welcomed_anew(any_house: Running) -> None:
    group = await any_house.open_group()
    ben = await any_house.member(group, BEN)
    room = await any_house.matrix_room(group)
    await ben.leave(room)
    await any_house.settle()
    await any_house.member(group, BEN)
    assert (await any_house.line(group, BEN)).standing == "joined"
    assert len(any_house.said(room)) == 2


async def test_whom_a_facilitator_invites_in_their_own_client_is_taken_in(any_house: Running) -> None:
    group = await any_house.open_group()
    await any_house.settle()
    room = await any_house.matrix_room(group)
    ada, cleo = any_house.person(ADA), any_house.person(CLEO)
    await ada.join(room)
    await ada.invite(room, CLEO)
    await cleo.join(room)
    await any_house.settle()
    assert (await any_house.line(group, CLEO)).standing == "joined"
    assert len(await cleo.read(room)) == 1
    await cleo.leave(room)
    await any_house.settle()
    await ada.invite(room, CLEO)
    await any_house.settle()
    await cleo.join(room)
    await any_house.settle()
    assert len(any_house.said(room)) == 2


@pytest.mark.parametrize("how", ["kick", "ban"])
async def test_whom_a_facilitator_puts_out_in_their_own_client_stays_out(any_house: Running, how: str) -> None:
    group = await any_house.open_group()
    await any_house.member(group, BEN)
    room = any_house.marked(await any_house.room_id(group))
    ada = any_house.person(ADA)
    await ada.join(room.room)
    await (ada.kick if how == "kick" else ada.ban)(room.room, BEN)
    await any_house.settle()
    assert (await any_house.line(group, BEN)).standing == "removed"
    await any_house.invite(group, CLEO)
    await any_house.settle()
    assert room.membership(BEN) != "invite"


async def test_whom_nobody_of_the_group_put_out_is_asked_back(house: Running) -> None:
    group = await house.open_group()
    await house.member(group, BEN)
    room = house.marked(await house.room_id(group))
    house.server.add(room, UserId("@admin:test"), "m.room.member", {"membership": "leave"}, state_key=BEN)
    await house.settle()
    assert room.membership(BEN) == "invite"
    assert (await house.line(group, BEN)).standing == "invited"


@pytest.mark.parametrize(
    ("refusal", "trouble"),
    [
        (Rejected("M_FORBIDDEN"), "forbidden"),
        (Rejected("M_NOT_FOUND"), "unknown_person"),
        (Rejected("M_UNKNOWN"), "unknown_server"),
        (Rejected("HEARTH_SERVER_NOT_REACHED"), "unknown_server"),
    ],
)
async def test_an_invitation_refused_for_good_says_why_and_waits_for_a_new_one(
    any_house: Running, refusal: HomeserverError, trouble: str
) -> None:
    group = await any_house.open_group()
    await any_house.settle()
    ben = any_house.person(BEN)
    ben.refuses = refusal
    await any_house.invite(group, BEN)
    await any_house.settle()
    line = await any_house.line(group, BEN)
    assert (line.standing, line.reached, line.trouble, line.next_try) == ("invited", False, trouble, None)
    assert (await any_house.page(group)).room.state == "up_to_date"
    asked = any_house.server.weather.calls["invite"]
    await any_house.wait(timedelta(hours=2), step=timedelta(minutes=20))
    await any_house.start()
    await any_house.settle()
    assert any_house.server.weather.calls["invite"] == asked
    ben.refuses = None
    await any_house.member(group, BEN)
    line = await any_house.line(group, BEN)
    assert (line.standing, line.reached, line.trouble) == ("joined", True, None)


async def test_an_invitation_to_be_sent_more_slowly_goes_out_by_itself_and_not_earlier(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    room = house.marked(await house.room_id(group))
    house.server.weather.strike(SlowDown("M_LIMIT_EXCEEDED", timedelta(minutes=3)), on="invite")
    await house.invite(group, BEN)
    await house.settle()
    line = await house.line(group, BEN)
    assert (line.trouble, line.next_try) == ("slow_down", house.clock.now() + timedelta(minutes=3))
    await house.wait(timedelta(minutes=2, seconds=59), step=timedelta(seconds=20))
    await house.invite(group, CLEO)
    await house.settle()
    assert (room.membership(BEN), room.membership(CLEO)) == ("leave", "invite")
    await house.wait(timedelta(seconds=1))
    assert room.membership(BEN) == "invite"
    assert (await house.line(group, BEN)).trouble is None


async def test_an_invitation_to_a_server_out_of_reach_is_tried_again(house: Running) -> None:
    group = await house.open_group()
    far = UserId("@jon:far.test")
    await house.invite(group, far)
    await house.settle()
    line = await house.line(group, far)
    assert (line.standing, line.trouble) == ("invited", "unreachable")
    assert line.next_try is not None
    house.person(far)  # now it is there
    house.clock.turn_to(line.next_try)
    await house.settle()
    line = await house.line(group, far)
    assert (line.reached, line.trouble) == (True, None)


async def test_a_stranger_in_the_room_is_nobodys_member(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    room = house.marked(await house.room_id(group))
    house.server.add(room, BOT, "m.room.member", {"membership": "join"}, state_key=EVE)
    await house.settle()
    assert (await house.page(group)).roster == ()
    assert house.said(room.room) == []


async def test_whom_a_facilitator_banned_is_not_invited_in_vain(house: Running) -> None:
    group = await house.open_group()
    await house.member(group, BEN)
    room = await house.matrix_room(group)
    ada = house.person(ADA)
    await ada.join(room)
    await ada.ban(room, BEN)
    await house.settle()
    await house.invite(group, BEN)
    await house.settle()
    line = await house.line(group, BEN)
    assert (line.standing, line.trouble, line.next_try) == ("invited", "banned", None)
    await house.invite(group, BEN)  # tried anew, it says so anew
    await house.settle()
    assert (await house.line(group, BEN)).trouble == "banned"
