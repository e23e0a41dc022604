"""Backstage: who is in it, what is told there and when, and that being there makes nobody a member."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.matrix.homeserver import Rejected
from facilitator import rooms, strangers
from facilitator.database.tables import Account, Group, GroupFacilitator
from facilitator.ids import GroupId, UserId
from tests.cast import ADA, BEN, BOT, CLEO, DAN, EVE
from tests.fake_rooms import FakeRoom
from tests.journeys.running import Running

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GREETING = "Hello, good that you are here."
NOTE = "Something needs one of you."
NOBODY_HERE = UserId("@nobody:test")


async def invite_in_vain(house: Running, group: GroupId, person: UserId = NOBODY_HERE) -> None:
    house.person(person).refuses = Rejected("M_NOT_FOUND")
    await house.invite(group, person)


async def with_ada(house: Running, *people: UserId) -> tuple[GroupId, FakeRoom]:
    """A group with these in its room, and Ada in both of its rooms."""
    group = await house.open_group()
    await house.settle()
    (backstage,) = house.backstage_rooms()
    ada = house.person(ADA)
    for room in await ada.invitations():
        await ada.join(room)
    await house.settle()
    for person in people:
        await house.member(group, person)
    return group, backstage


async def run_with(house: Running, group: GroupId) -> None:
    """Dan runs the group, too."""
    async with house.database.transaction() as db:
        db.add(GroupFacilitator(group_id=group, account_id=house.cast.dan, since=house.clock.now()))
        await rooms.group_changed(db, group)
    await house.settle()


async def run_no_more(house: Running, group: GroupId) -> None:
    async with house.database.transaction() as db:
        row = await db.get_one(GroupFacilitator, (group, house.cast.dan))
        await db.delete(row)
        await strangers.place_is_gone(db, group, DAN, now=house.clock.now())
        await rooms.group_changed(db, group)
    await house.settle()


def force_in(house: Running, room: FakeRoom, person: UserId) -> None:
    """As whoever runs the server may."""
    house.server.add(room, person, "m.room.member", {"membership": "join"}, state_key=person)


def notes(house: Running, room: FakeRoom) -> list[list[str]]:
    """The lines of what facilitators were told, message by message."""
    said = [body for body in house.said(room.room) if body.startswith(NOTE)]
    return [[line[2:] for line in body.splitlines() if line.startswith("•")] for body in said]


# ------------------------------------------------------------------------------------------------- who is in it


async def test_it_is_encrypted_shows_nothing_from_before_and_only_those_who_run_the_group_are_asked_in(
    house: Running,
) -> None:
    group = await house.open_group()
    await house.member(group, BEN)
    (room,) = house.backstage_rooms()
    assert room.encryption is not None
    assert room.value("m.room.history_visibility", "history_visibility") == "joined"
    assert room.value("m.room.name", "name") == "Maple room: facilitators"
    assert {user: room.membership(user) for user in room.members()} == {BOT: "join", ADA: "invite"}
    assert house.said(room.room) == [], "nobody could read it yet"


async def test_whoever_comes_is_greeted_once_and_is_no_member_of_the_group(house: Running) -> None:
    group, room = await with_ada(house)
    await run_with(house, group)
    await house.person(DAN).join(room.room)
    await house.settle()
    assert [body.splitlines()[0] for body in house.said(room.room)] == [GREETING]
    assert (await house.page(group)).roster == ()
    assert not any("welcome" in body for body in house.said(await house.matrix_room(group)))


async def test_who_runs_the_group_no_more_goes_without_a_word_and_is_asked_back_if_they_do_again(
    house: Running,
) -> None:
    group, room = await with_ada(house)
    await run_with(house, group)
    await house.person(DAN).join(room.room)
    await run_no_more(house, group)
    assert room.membership(DAN) == "leave"
    assert "look after the group now" in room.state["m.room.member", DAN].content["reason"]
    await house.wait(2 * HOUR, step=timedelta(minutes=30))
    assert notes(house, room) == []
    await run_with(house, group)
    assert room.membership(DAN) == "invite"


async def test_whose_account_rests_is_put_out_quietly_and_asked_back_when_it_is_used_again(house: Running) -> None:
    group, room = await with_ada(house)
    await run_with(house, group)
    await house.person(DAN).join(room.room)
    for disabled, membership in ((house.clock.now(), "leave"), (None, "invite")):
        async with house.database.transaction() as db:
            (await db.get_one(Account, house.cast.dan)).disabled = disabled
            await rooms.group_changed(db, group)
        await house.settle()
        assert room.membership(DAN) == membership
    assert notes(house, room) == []


async def test_who_leaves_backstage_runs_the_group_still_and_is_not_asked_back(house: Running) -> None:
    group, room = await with_ada(house)
    await house.person(ADA).leave(room.room)
    await house.wait(HOUR, step=timedelta(minutes=20))
    assert room.membership(ADA) == "leave"
    assert house.server.rooms[await house.matrix_room(group)].membership(ADA) == "join"
    assert (await house.page(group)).room.state == "up_to_date"


async def test_a_member_has_no_place_there_and_is_put_out_although_they_stay_in_the_group(house: Running) -> None:
    group, room = await with_ada(house, BEN)
    force_in(house, room, BEN)
    await house.settle()
    assert room.membership(BEN) == "leave"
    assert (await house.line(group, BEN)).standing == "joined"
    assert notes(house, room) == [
        [
            "Somebody was in this room who does not look after Maple room. I asked them to leave; your app shows "
            "who it was."
        ]
    ]


async def test_who_is_asked_into_the_group_and_found_backstage_has_not_joined_the_group(house: Running) -> None:
    group, room = await with_ada(house)
    await house.invite(group, CLEO)
    await house.settle()
    force_in(house, room, CLEO)
    await house.settle()
    assert room.membership(CLEO) == "leave"
    line = await house.line(group, CLEO)
    assert (line.standing, line.reached) == ("invited", True)
    assert house.said(await house.matrix_room(group)) == []
    assert [body.splitlines()[0] for body in house.said(room.room)] == [GREETING, NOTE], "and is not welcomed"


async def test_its_name_follows_the_groups_and_is_nobodys_to_change(house: Running) -> None:
    group, room = await with_ada(house)
    await house.person(ADA).rename(await house.matrix_room(group), "Birch room")
    await house.settle()
    assert room.value("m.room.name", "name") == "Birch room: facilitators"
    house.server.add(room, ADA, "m.room.name", {"name": "Willow"}, state_key="")
    await house.settle()
    assert room.value("m.room.name", "name") == "Birch room: facilitators"
    assert (await house.page(group)).name == "Birch room"


async def test_a_group_from_before_there_was_a_backstage_gets_one_once(house: Running) -> None:
    group = await house.open_group()
    async with house.database.transaction() as db:
        await db.delete(await db.get_one(rooms.Room, await _backstage_id(house, group)))
    assert house.backstage_rooms() == []
    for _ in range(2):
        await house.settle()
        assert len(house.backstage_rooms()) == 1


async def _backstage_id(house: Running, group: GroupId) -> str:
    from sqlalchemy import select

    async with house.database.reading() as db:
        found = select(rooms.Room.id).where(rooms.Room.group_id == group, rooms.Room.kind == "backstage")
        return str((await db.scalars(found)).one())


# ----------------------------------------------------------------------------------------------- what is told there


async def test_a_stranger_is_told_of_at_once_also_at_night_and_named_nowhere(house: Running) -> None:
    group, room = await with_ada(house)
    house.clock.turn_to(datetime(2026, 11, 3, 1, tzinfo=UTC))
    place = house.server.rooms[await house.matrix_room(group)]
    force_in(house, place, EVE)
    await house.settle()
    assert place.membership(EVE) == "leave"
    assert notes(house, room) == [
        [
            "Somebody was in Maple room whom nobody had invited. I asked them to leave, kindly; your app shows who it "
            "was."
        ]
    ]
    (_, note) = house.messages(room.room)
    assert note.content["msgtype"] == "m.notice"
    assert EVE not in str(note.content)
    assert house.direct_rooms(ADA) == []


async def test_what_can_wait_waits_for_the_morning_and_comes_in_one_message(house: Running) -> None:
    group, room = await with_ada(house, BEN)
    house.clock.turn_to(datetime(2026, 11, 2, 21, 30, tzinfo=UTC))  # 22:30 in Berlin
    for person in (NOBODY_HERE, UserId("@nobody-either:test")):
        await invite_in_vain(house, group, person)
    await house.wait(9 * HOUR, step=3 * HOUR)
    assert notes(house, room) == []
    await house.wait(HOUR, step=timedelta(minutes=30))
    assert notes(house, room) == [["2 invitations to Maple room cannot be delivered."]]
    assert f"/groups/{group}" in house.said(room.room)[-1]
    await house.wait(DAY, step=6 * HOUR)
    assert len(notes(house, room)) == 1, "each thing is told once"


async def test_at_most_one_message_in_an_hour(house: Running) -> None:
    group, room = await with_ada(house)
    for n in range(3):
        await invite_in_vain(house, group, UserId(f"@nobody{n}:test"))
        await house.settle()
        house.clock.turn(timedelta(minutes=20))
    assert notes(house, room) == [["An invitation to Maple room cannot be delivered."]]
    await house.wait(HOUR, step=timedelta(minutes=10))
    assert notes(house, room)[1:] == [["2 invitations to Maple room cannot be delivered."]]


async def test_who_cannot_read_for_a_day_is_told_of_and_not_before(house: Running) -> None:
    group, room = await with_ada(house)
    house.server.device(BEN, "PHONE").signed = False
    await house.member(group, BEN)
    await house.wait(23 * HOUR, step=8 * HOUR)
    assert notes(house, room) == []
    await house.wait(2 * HOUR, step=HOUR)
    assert notes(house, room) == [["Since yesterday or longer, somebody in Maple room cannot read yet."]]


async def test_nothing_is_told_while_nobody_is_there_to_read_it(house: Running) -> None:
    group = await house.open_group()
    await invite_in_vain(house, group)
    await house.wait(HOUR, step=timedelta(minutes=20))
    (room,) = house.backstage_rooms()
    assert house.said(room.room) == []
    await house.person(ADA).join(room.room)
    await house.settle()
    assert notes(house, room) == [["An invitation to Maple room cannot be delivered."]]


async def test_a_restart_tells_nothing_twice(house: Running) -> None:
    group, room = await with_ada(house)
    await invite_in_vain(house, group)
    await house.settle()
    for _ in range(3):
        house.clock.turn(2 * HOUR)
        await house.start()
        await house.settle()
    assert len(notes(house, room)) == 1


async def test_the_groups_room_in_trouble_is_told_of_and_backstages_own_is_not_shown_as_the_groups(
    house: Running,
) -> None:
    group, room = await with_ada(house)
    await invite_in_vain(house, group)
    await house.settle()
    place = house.server.rooms[await house.matrix_room(group)]
    house.server.add(place, ADA, "m.room.member", {"membership": "leave"}, state_key=BOT)
    await house.settle()
    assert notes(house, room)[1:] == [["I was put out of Maple room, and cannot do anything there until I am back."]]
    await house.wait(6 * DAY, step=DAY)
    assert len(notes(house, room)) == 2


async def test_a_backstage_that_was_lost_is_made_anew_after_a_day_by_itself(house: Running) -> None:
    group, room = await with_ada(house)
    house.server.add(room, ADA, "m.room.member", {"membership": "leave"}, state_key=BOT)
    await house.wait(23 * HOUR, step=HOUR)
    assert (await house.page(group)).room.state == "up_to_date"
    assert len(house.backstage_rooms()) == 1
    await house.wait(3 * HOUR, step=HOUR)
    _, new = house.backstage_rooms()
    assert new.membership(ADA) == "invite"
    assert (await house.page(group)).roster == ()


async def test_a_draft_that_waits_is_told_of_once(house: Running) -> None:
    group, room = await with_ada(house)
    async with house.database.transaction() as db:
        (await db.get_one(Group, group)).state = "draft"
    await house.wait(3 * DAY, step=DAY)
    assert notes(house, room) == [["Maple room is not open yet, so nobody can be invited."]]


# ----------------------------------------------------------------------------------------------- what is said there


@pytest.mark.parametrize(("body", "first"), [("!help", "Thank you for writing."), ("!sessions", "When we meet next:")])
async def test_commands_work_there_and_reminders_never_come(house: Running, body: str, first: str) -> None:
    group, room = await with_ada(house)
    await house.schedule(group, weekday=2, at="19:00", zone="Europe/Berlin")
    await house.person(ADA).say(room.room, body)
    await house.settle()
    assert [each.splitlines()[0] for each in house.said(room.room)] == [GREETING, first]
    await house.wait(3 * DAY, step=4 * HOUR)
    assert len(house.said(room.room)) == 2
    assert house.said(await house.matrix_room(group))[0].startswith("See you tomorrow")
