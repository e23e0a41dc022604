"""Who should be in a room and who is not to be asked now; when a room is to be looked at; one direct room a person."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from facilitator import rooms, sightings
from facilitator.database.tables import Account, Room
from facilitator.errors import NotFound
from facilitator.ids import BotId, GroupId, RoomId, UserId
from tests.cast import ADA, BEN, CLEO, EVE
from tests.facilitator.scene import NOW, Scene
from tests.keys import Keys

MINUTE = timedelta(minutes=1)


async def due(scene: Scene, now_in: timedelta = timedelta(0), *, bot: BotId | None = None) -> list[RoomId]:
    """Of groups' own rooms, and those for two."""
    async with scene.database.reading() as db:
        apart = set(await db.scalars(select(rooms.Room.id).where(rooms.Room.kind == "backstage")))
        return [room for room in await rooms.due(db, bot or scene.bot, now=NOW + now_in) if room not in apart]


async def direct_with(scene: Scene) -> RoomId:
    async with scene.database.transaction() as db:
        return await rooms.direct_with(db, BEN, now=NOW)


# ------------------------------------------------------------------------------------------------ wanted


async def test_facilitators_and_the_invited_are_wanted_until_they_are_asked(any_scene: Scene) -> None:
    scene = any_scene
    await scene.invite(BEN)
    await scene.invite(CLEO)
    wanted = await scene.wanted()
    assert (wanted.marker, wanted.name, wanted.revision) == (scene.room, "Maple room", await scene.revision())
    assert (wanted.people, wanted.until) == (frozenset({ADA, BEN, CLEO}), None)
    assert wanted.power_levels["users"] == {ADA: 50}
    await scene.people_seen(ada="invite", ben="join")
    assert (await scene.wanted()).people == {CLEO}
    assert (await scene.wanted()).power_levels["users"] == {ADA: 50}, "power does not go with the invitation"


async def test_a_facilitator_who_left_the_room_is_not_called_back(scene: Scene) -> None:
    await scene.people_seen(ada="leave")
    wanted = await scene.wanted()
    assert not wanted.people and not wanted.unwelcome


async def test_a_member_who_was_asked_anew_is_wanted_though_they_were_seen_leaving(scene: Scene) -> None:
    await scene.invite(BEN)
    await scene.people_seen(ben="leave")
    await scene.left(BEN)
    assert BEN not in (await scene.wanted()).people
    await scene.invite(BEN)
    assert BEN in (await scene.wanted()).people


async def test_a_disabled_account_is_neither_wanted_nor_powerful(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        await db.execute(update(Account).where(Account.id == scene.cast.ada).values(disabled=NOW))
    wanted = await scene.wanted()
    assert not wanted.people and not wanted.power_levels["users"]


@pytest.mark.parametrize("trouble", ["forbidden", "unknown_person", "unknown_server"])
async def test_who_cannot_be_invited_is_left_alone_for_good(any_scene: Scene, trouble: str) -> None:
    await any_scene.invite(BEN)
    await any_scene.not_invited(trouble)
    for later in (timedelta(0), timedelta(days=365)):
        wanted = await any_scene.wanted(now=NOW + later)
        assert BEN not in wanted.people and wanted.until is None


async def test_who_could_not_be_invited_yet_is_wanted_again_when_their_time_comes(any_scene: Scene) -> None:
    scene = any_scene
    for person, minutes in ((BEN, 2), (CLEO, 1)):
        await scene.invite(person)
        await scene.not_invited("slow_down", person=person, next_try=NOW + minutes * MINUTE)
    for minutes, asked, until in ((0, set(), 1), (1, {CLEO}, 2), (2, {BEN, CLEO}, None)):
        wanted = await scene.wanted(now=NOW + minutes * MINUTE)
        assert wanted.people - {ADA} == asked
        assert wanted.until == (until and NOW + until * MINUTE)


async def test_the_servers_that_are_allowed_may_take_part_and_whoever_is_in_goes_on(any_scene: Scene) -> None:
    scene, other = any_scene, UserId("@fay:other.example")
    for person in (other, "@gil:third.example"):
        await scene.invite(person)
    await scene.joined(other)
    direct = await direct_with(scene)
    async with scene.database.reading() as db:
        group, alone = [
            (await rooms.wanted(db, room, now=NOW, allowed=("lakeside.org",))).server_acl
            for room in (scene.room, direct)
        ]
    assert group.content() == {
        "allow": ["lakeside.org", "other.example", "test"], "deny": [], "allow_ip_literals": False
    }  # fmt: skip
    assert alone.allow == ("lakeside.org", "test")
    assert (await scene.wanted()).server_acl.content() == {"allow": ["*"], "deny": [], "allow_ip_literals": False}


async def test_the_recovery_account_is_a_creator(scene: Scene) -> None:
    async with scene.database.reading() as db:
        wanted = await rooms.wanted(db, scene.room, now=NOW, recovery=EVE)
    assert wanted.additional_creators == (EVE,)


# ------------------------------------------------------------------------------------------------ direct rooms


async def test_a_person_has_one_direct_room_and_is_asked_into_it_once(any_scene: Scene) -> None:
    scene = any_scene
    direct = await direct_with(scene)
    assert await direct_with(scene) == direct
    wanted = await scene.wanted(room=direct)
    assert (wanted.people, wanted.direct_to, wanted.revision) == (frozenset({BEN}), BEN, 1)
    for membership in ("invite", "join", "leave"):
        async with scene.database.transaction() as db:
            await sightings.people_seen(db, direct, {BEN: membership}, now=NOW)
        assert not (await scene.wanted(room=direct)).people
    async with scene.database.transaction() as db:
        await rooms.offer_direct(db, direct)
    again = await scene.wanted(room=direct)
    assert (again.people, again.revision) == (frozenset({BEN}), 2), "who asks for it is asked in, also after leaving"


async def test_of_many_who_want_the_same_direct_room_at_once_all_get_it(
    keys: Keys, any_url: str, any_scene: Scene
) -> None:
    others = [keys.connect(any_url) for _ in range(6)]
    scenes = [Scene(other, any_scene.cast, any_scene.bot, any_scene.group, any_scene.room) for other in others]
    for each in scenes:
        await due(each)  # connected before the start
    assert len(set(await asyncio.gather(*(direct_with(each) for each in scenes)))) == 1
    async with any_scene.database.reading() as db:
        assert await db.scalar(select(func.count()).select_from(Room).where(Room.kind == "direct")) == 1
    for other in others:
        await other.close()


# ------------------------------------------------------------------------------------------------ when to look


async def test_a_room_is_looked_at_until_it_matches_and_after_every_change(any_scene: Scene) -> None:
    scene = any_scene
    assert await due(scene) == [scene.room]
    await scene.looked(revision=None)
    assert await due(scene) == [scene.room], "something was left to do"
    await scene.looked(revision=1)
    assert await due(scene) == []
    await scene.invite(BEN)
    assert await due(scene) == [scene.room]


async def test_a_room_in_trouble_is_given_its_rest(any_scene: Scene) -> None:
    scene = any_scene
    async with scene.database.transaction() as db:
        await sightings.in_trouble(db, scene.room, "homeserver_slow_down", now=NOW, wait=MINUTE)
    await scene.invite(BEN)
    assert await due(scene) == []
    assert await due(scene, MINUTE) == [scene.room]


async def test_a_matched_room_is_looked_at_again_when_it_was_asked_for(scene: Scene) -> None:
    await scene.looked(revision=1)
    async with scene.database.transaction() as db:
        await sightings.look_again(db, scene.room, now=NOW + MINUTE)
    assert await due(scene) == []
    assert await due(scene, MINUTE) == [scene.room]


async def test_closed_rooms_and_another_bots_are_not_looked_at(scene: Scene) -> None:
    assert await due(scene, bot=BotId("other")) == []
    async with scene.database.transaction() as db:
        await db.execute(update(Room).values(closed=NOW))
    assert await due(scene) == []


async def test_who_waited_longest_is_looked_at_first(scene: Scene) -> None:
    _, cedar = await scene.another_group()
    async with scene.database.transaction() as db:
        await sightings.in_trouble(db, scene.room, "room_refused", now=NOW, wait=MINUTE)
        await sightings.in_trouble(db, cedar, "room_refused", now=NOW, wait=MINUTE / 2)
    assert await due(scene, MINUTE) == [cedar, scene.room]
    async with scene.database.reading() as db:
        assert await rooms.due(db, scene.bot, now=NOW + MINUTE, limit=1) == [cedar]


async def test_a_look_that_is_only_another_one_may_wait_a_while_and_one_that_is_called_for_not(scene: Scene) -> None:
    await scene.looked(await scene.revision())
    _, new = await scene.another_group()
    async with scene.database.transaction() as db:
        await sightings.look_again(db, scene.room, now=NOW)
        assert {scene.room, new} <= {*await rooms.due(db, scene.bot, now=NOW)}
        in_a_hurry = await rooms.due(db, scene.bot, now=NOW + MINUTE / 2, patience=MINUTE)
        assert new in in_a_hurry
        assert scene.room not in in_a_hurry
        assert {scene.room, new} <= {*await rooms.due(db, scene.bot, now=NOW + MINUTE, patience=MINUTE)}


async def test_a_new_room_is_taken_charge_of_by_one_bot(any_scene: Scene) -> None:
    scene = any_scene
    direct = await direct_with(scene)
    for bot, left in ((scene.bot, True), (BotId("none"), False)):
        async with scene.database.transaction() as db:
            assert await rooms.unclaimed(db) is left
            await rooms.take_charge(db, bot)
    assert set(await due(scene)) == {scene.room, direct}


# ------------------------------------------------------------------------------------------------ where


async def test_a_place_has_its_groups_language_and_zone_or_plain_ones(scene: Scene) -> None:
    direct = await direct_with(scene)
    async with scene.database.reading() as db:
        group, alone = await rooms.place(db, scene.room), await rooms.place(db, direct)
        assert await rooms.place(db, RoomId("none")) is None
        with pytest.raises(NotFound):
            await rooms.group_room_id(db, GroupId("none"))
    assert group is not None and alone is not None
    assert (group.kind, group.group_id, group.time_zone, group.person) == ("group", scene.group, "Europe/Berlin", None)
    assert (alone.kind, alone.group_id, alone.language, alone.time_zone) == ("direct", None, "", "UTC")
    assert alone.person == BEN and BEN not in repr(alone)
