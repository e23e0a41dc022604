"""Who runs a group, and under which Matrix ID, shows in its rooms by itself, and nobody is told of somebody's going."""

from facilitator import claims, facilitators, removals
from facilitator.ids import GroupId, UserId
from tests.cast import ADA, BEN, DAN
from tests.journeys.old_rooms import room_with
from tests.journeys.running import Running

NEW = UserId("@ada.new:test")


async def add_dan(house: Running, group: GroupId) -> None:
    async with house.database.transaction() as db:
        await facilitators.add(
            db, by=house.cast.ada, group_id=group, account_id=house.cast.dan, part="facilitator", now=house.clock.now()
        )
    await house.settle()


async def told_alone(house: Running) -> list[str]:
    people = (ADA, DAN, NEW)
    return [words for who in people for room in house.direct_rooms(who) for words in house.said(room.room)]


async def test_who_runs_a_group_is_asked_in_with_rights_and_goes_without_a_word_when_they_stop(house: Running) -> None:
    group, room = await room_with(house, BEN)
    await add_dan(house, group)
    assert room.membership(DAN) == "invite" and room.content("m.room.power_levels")["users"][DAN] == 50
    await house.person(DAN).join(room.room)
    await house.settle()
    before = await told_alone(house)
    async with house.database.transaction() as db:
        await facilitators.remove(
            db, by=house.cast.ada, group_id=group, account_id=house.cast.dan, reason="x", now=house.clock.now()
        )
    await house.settle()
    assert room.membership(DAN) == "leave" and DAN not in room.content("m.room.power_levels")["users"]
    assert room.membership(ADA) == room.membership(BEN) == "join"
    assert await told_alone(house) == before
    assert not any("nobody" in words for each in house.backstage_rooms() for words in house.said(each.room))
    await add_dan(house, group)
    assert room.membership(DAN) == "invite"


async def test_who_is_a_member_as_well_stays(house: Running) -> None:
    group, room = await room_with(house, BEN, DAN)
    await add_dan(house, group)
    async with house.database.transaction() as db:
        await facilitators.leave(db, by=house.cast.dan, group_id=group, now=house.clock.now())
    await house.settle()
    assert room.membership(DAN) == "join" and DAN not in room.content("m.room.power_levels")["users"]


async def test_a_new_matrix_id_takes_the_place_of_the_old_one_once_both_said_the_code_to_the_bot(
    house: Running,
) -> None:
    _, room = await room_with(house, BEN)
    async with house.database.transaction() as db:
        code = await claims.claim(db, by=house.cast.ada, matrix_id=NEW, now=house.clock.now())
    await house.settle()
    for who in (NEW, ADA):
        assert room.membership(NEW) == "leave" and room.membership(ADA) == "join"
        (alone,) = house.direct_rooms(who)
        await house.person(who).join(alone.room)
        await house.settle()
        await house.person(who).say(alone.room, f"{code.upper()}")
        await house.settle()
    assert room.membership(NEW) == "invite" and room.membership(ADA) == "leave"
    assert set(room.content("m.room.power_levels")["users"]) == {NEW}
    assert "another Matrix ID" in " ".join(house.said(house.direct_rooms(ADA)[0].room))
    await house.person(NEW).join(room.room)
    await house.settle()
    assert room.membership(NEW) == "join"


async def test_a_member_removed_on_the_panel_is_put_out_and_comes_back_by_the_undo(house: Running) -> None:
    group, room = await room_with(house, BEN)
    member = (await house.line(group, BEN)).id
    who = {"by": house.cast.ada, "group_id": group, "member_id": member}
    async with house.database.transaction() as db:
        await removals.remove(db, **who, reason="x", now=house.clock.now())  # type: ignore[arg-type]
    await house.settle()
    assert room.membership(BEN) == "leave"
    assert "reason" not in room.state["m.room.member", BEN].content, "they were invited, and know why they are out"
    async with house.database.transaction() as db:
        await removals.readmit(db, **who, now=house.clock.now())  # type: ignore[arg-type]
    await house.settle()
    assert room.membership(BEN) == "invite"
