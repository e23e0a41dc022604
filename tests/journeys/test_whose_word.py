"""Whose word wins in a room: the house's on what it is, a facilitator's on name and people, a member's on leaving."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from facilitator import groups, rooms
from facilitator.database.tables import JournalEntry
from facilitator.ids import UserId
from tests.cast import ADA, BEN, BOT, CLEO, DAN, EVE
from tests.journeys.old_rooms import ADMIN, room_with
from tests.journeys.running import Running


async def journal(house: Running, verb: str) -> list[tuple[str, str | None]]:
    """Who did it, and what it was about."""
    async with house.database.reading() as db:
        rows = await db.scalars(select(JournalEntry).where(JournalEntry.verb == verb).order_by(JournalEntry.at))
        return [(entry.actor, entry.subject) for entry in rows]


def told(house: Running, person: UserId) -> list[str]:
    """What the bot has told somebody alone."""
    return [words for room in house.direct_rooms(person) for words in house.said(room.room)]


async def told_backstage(house: Running) -> list[str]:
    """What it has told those who run the one group there is, once Ada is where they are: a greeting comes first."""
    (room,) = house.backstage_rooms()
    if room.membership(ADA) == "invite":
        await house.person(ADA).join(room.room)
        await house.settle()
    return house.said(room.room)


async def come(house: Running, person: UserId) -> None:
    """They come into their room with the bot."""
    for room in house.direct_rooms(person):
        if room.membership(person) == "invite":
            await house.person(person).join(room.room)
    await house.settle()


DRIFTS: dict[str, dict[str, Any]] = {
    "m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": 10_000},
    "m.room.guest_access": {"guest_access": "can_join"},
    "m.room.history_visibility": {"history_visibility": "world_readable"},
    "m.room.join_rules": {"join_rule": "public"},
    "m.room.name": {"name": "Another name"},
    "m.room.power_levels": {"users": {EVE: 100}, "events": {}},
    "m.room.server_acl": {"allow": ["elsewhere"]},
    "m.room.topic": {"topic": "what it is about"},
}


async def test_whatever_becomes_of_the_room_is_put_back_and_noted_once_with_who_did_it(house: Running) -> None:
    group, room = await room_with(house, BEN)
    wanted = {kind: dict(room.content(kind)) for kind in DRIFTS}
    wanted["m.room.topic"] = {"topic": ""}
    member = (await house.line(group, BEN)).id
    for kind, content in DRIFTS.items():
        house.server.add(room, BEN, kind, content, state_key="")
        await house.settle()
        now = dict(room.content(kind))
        now.pop("historical", None)
        wanted[kind].pop("historical", None)
        assert now == wanted[kind], kind
    assert await journal(house, "room put back") == [(member, kind) for kind in DRIFTS]
    await house.wait(timedelta(minutes=30), step=timedelta(minutes=10))
    assert len(await journal(house, "room put back")) == len(DRIFTS)


@pytest.mark.parametrize("who", ["ada", "somebody"])
async def test_who_changed_the_room_is_noted_by_an_id_of_ours_or_as_somebody(house: Running, who: str) -> None:
    _, room = await room_with(house)
    by = {"ada": ADA, "somebody": ADMIN}[who]
    house.server.add(room, by, "m.room.topic", {"topic": "x"}, state_key="")
    await house.settle()
    assert await journal(house, "room put back") == [
        ({"ada": house.cast.ada, "somebody": "somebody"}[who], "m.room.topic")
    ]


async def test_what_the_house_itself_changes_is_no_drift(house: Running) -> None:
    group, room = await room_with(house)
    async with house.database.transaction() as db:
        (await groups.ownership.group(db, by=house.cast.ada, group_id=group)).name = "Birch room"
        await rooms.group_changed(db, group)
    await house.settle()
    assert room.value("m.room.name", "name") == "Birch room"
    assert await journal(house, "room put back") == []


async def test_encryption_is_lowered_by_nobody(house: Running) -> None:
    _, room = await room_with(house)
    house.server.add(room, ADMIN, "m.room.encryption", {}, state_key="")
    await house.settle()
    assert room.encryption is not None
    assert room.encryption["algorithm"] == "m.megolm.v1.aes-sha2"
    assert await journal(house, "room put back") == [("somebody", "m.room.encryption")]


# ------------------------------------------------------------------------------------------------------ its name


async def test_a_facilitators_new_name_becomes_the_groups(house: Running) -> None:
    group, room = await room_with(house)
    await house.person(ADA).rename(room.room, "Birch room")
    await house.settle()
    assert (await house.page(group)).name == "Birch room"
    assert [e.content["name"] for e in room.events if e.type == "m.room.name"] == ["Maple room", "Birch room"]
    assert await journal(house, "group renamed in the room") == [(house.cast.ada, None)]
    assert await journal(house, "room put back") == []


async def test_a_name_that_tells_why_people_meet_is_put_back_and_explained_to_whoever_gave_it(house: Running) -> None:
    group, room = await room_with(house, BEN)
    await house.person(ADA).rename(room.room, "Sober on Tuesdays")
    await house.settle()
    assert room.value("m.room.name", "name") == (await house.page(group)).name == "Maple room"
    await come(house, ADA)
    (words,) = told(house, ADA)
    assert words.startswith("A note about a room's name.")
    assert "Sober" not in words
    assert house.direct_rooms(BEN) == []
    assert await journal(house, "name put back") == [(house.cast.ada, None)]


async def test_a_rename_is_judged_once_whatever_the_group_is_called_later(house: Running) -> None:
    group, room = await room_with(house)
    await house.person(ADA).rename(room.room, "Birch room")
    await house.settle()
    async with house.database.transaction() as db:
        (await groups.ownership.group(db, by=house.cast.ada, group_id=group)).name = "Cedar room"
        await rooms.group_changed(db, group)
    await house.settle()
    assert room.value("m.room.name", "name") == (await house.page(group)).name == "Cedar room"


async def test_a_member_may_not_rename_and_another_groups_facilitator_has_no_word_here(house: Running) -> None:
    group, room = await room_with(house)
    for nobody in (BEN, DAN):
        house.server.add(room, nobody, "m.room.name", {"name": "Birch room"}, state_key="")
        await house.settle()
        assert room.value("m.room.name", "name") == (await house.page(group)).name == "Maple room"


# ---------------------------------------------------------------------------------------------------- its people


async def test_a_stranger_is_put_out_kindly_and_the_facilitators_are_told_once(house: Running) -> None:
    group, room = await room_with(house)
    house.server.add(room, EVE, "m.room.member", {"membership": "join"}, state_key=EVE)
    await house.settle()
    assert room.membership(EVE) == "leave"
    last = room.state["m.room.member", EVE]
    assert last.sender == BOT
    assert "only for people its facilitators invited" in last.content["reason"]
    _, words = await told_backstage(house)
    assert words.splitlines()[0] == "Something needs one of you."
    assert "Maple room" in words and EVE not in words
    assert await journal(house, "stranger removed") == [("bridge", None)]
    await house.wait(timedelta(minutes=30), step=timedelta(minutes=10))
    assert len(await told_backstage(house)) == 2
    assert told(house, ADA) == []
    assert (await house.page(group)).roster == ()


async def test_many_strangers_at_once_are_told_of_once(house: Running) -> None:
    _, room = await room_with(house)
    strangers = [UserId(f"@stranger{n}:test") for n in range(60)]
    for stranger in strangers:
        house.server.add(room, stranger, "m.room.member", {"membership": "join"}, state_key=stranger)
    await house.wait(timedelta(minutes=5))
    assert {room.membership(stranger) for stranger in strangers} == {"leave"}
    assert len(await told_backstage(house)) == 2
    await house.wait(timedelta(minutes=30), step=timedelta(minutes=10))
    assert len(await told_backstage(house)) == 2


async def test_a_stranger_nobody_heard_come_is_put_out_after_a_moment(house: Running) -> None:
    group, room = await room_with(house)
    event = house.server.add(room, EVE, "m.room.member", {"membership": "join"}, state_key=EVE)
    room.events.remove(event)  # never heard; the room shows it all the same
    await house.invite(group, BEN)
    await house.settle()
    assert room.membership(EVE) == "join"
    await house.wait(timedelta(minutes=1), step=timedelta(seconds=10))
    assert room.membership(EVE) == "leave"


async def test_somebody_a_facilitator_asks_in_is_no_stranger_in_whatever_order_it_is_seen_and_heard(
    house: Running,
) -> None:
    group, room = await room_with(house)
    listen, _, reconcile, *_ = house.passes
    await house.person(ADA).invite(room.room, EVE)
    await house.person(EVE).join(room.room)
    await house.invite(group, BEN)
    await reconcile()  # sees it before it is heard
    await listen()
    await house.settle()
    await house.wait(timedelta(minutes=2), step=timedelta(seconds=20))
    assert room.membership(EVE) == "join"
    assert (await house.line(group, EVE)).standing == "joined"
    assert await journal(house, "stranger removed") == []


async def test_an_invitation_nobody_may_give_is_withdrawn(house: Running) -> None:
    group, room = await room_with(house, BEN)
    house.server.add(room, BEN, "m.room.member", {"membership": "invite"}, state_key=EVE)
    await house.settle()
    assert room.membership(EVE) == "leave"
    assert [line.matrix_id for line in (await house.page(group)).roster] == [BEN]


async def test_who_left_and_comes_back_uninvited_is_a_stranger_and_asked_in_again_is_none(house: Running) -> None:
    group, room = await room_with(house, BEN)
    await house.person(BEN).leave(room.room)
    await house.settle()
    house.server.add(room, BEN, "m.room.member", {"membership": "join"}, state_key=BEN)
    await house.settle()
    assert room.membership(BEN) == "leave"
    await house.invite(group, BEN)
    await house.settle()
    assert room.membership(BEN) == "invite"


async def test_our_other_bots_and_a_facilitator_at_rest_are_never_put_out(house: Running) -> None:
    from facilitator import bots
    from facilitator.database.tables import Account

    _, room = await room_with(house)
    async with house.database.transaction() as db:
        await bots.enrol(db, user_id=CLEO, homeserver="http://test", now=house.clock.now())
        (await db.get_one(Account, house.cast.ada)).disabled = house.clock.now()
    house.server.add(room, CLEO, "m.room.member", {"membership": "join"}, state_key=CLEO)
    await house.wait(timedelta(minutes=2))
    assert room.membership(CLEO) == "join"
    assert room.membership(ADA) == "join"


@pytest.mark.parametrize("how", ["kick", "ban"])
async def test_whom_a_facilitator_removes_in_their_own_app_stays_away(house: Running, how: str) -> None:
    group, room = await room_with(house, BEN)
    await getattr(house.person(ADA), how)(room.room, BEN)
    await house.wait(timedelta(hours=1), step=timedelta(minutes=20))
    assert (await house.line(group, BEN)).standing == "removed"
    assert room.membership(BEN) == {"kick": "leave", "ban": "ban"}[how]
    assert await journal(house, "member removed") == [(house.cast.ada, (await house.line(group, BEN)).id)]
    assert await journal(house, "stranger removed") == []


async def test_who_leaves_is_not_asked_back(house: Running) -> None:
    group, room = await room_with(house, BEN)
    await house.person(BEN).leave(room.room)
    await house.wait(timedelta(hours=1), step=timedelta(minutes=20))
    assert (await house.line(group, BEN)).standing == "left"
    assert room.membership(BEN) == "leave"
