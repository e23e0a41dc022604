"""Opening a group, what may truthfully be said of its room, and that nobody sees a group that is not theirs."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from facilitator import groups, members, rooms, schedule, sightings
from facilitator.database import Database
from facilitator.database.tables import Group, GroupFacilitator
from facilitator.errors import Invalid, NotFound
from facilitator.groups import GroupLine, RoomState, Seen
from facilitator.ids import AccountId, GroupId, SeriesId, UserId
from tests import cast
from tests.cast import BEN, CLEO, EVE, PURPOSE
from tests.facilitator.scene import NOW, Scene

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


async def start(database: Database, by: AccountId, **other: str) -> GroupId:
    given = {"name": "Maple room", "purpose": PURPOSE, "language": "en", "time_zone": "Europe/Berlin"} | other
    async with database.transaction() as db:
        return await groups.start(
            db, by=by, name=given["name"], purpose=given["purpose"], language=given["language"],
            time_zone=given["time_zone"], now=NOW,
        )  # fmt: skip


async def mine(scene: Scene, by: AccountId, now: datetime = NOW, page: int = 1) -> list[GroupLine]:
    async with scene.database.reading() as db:
        return list((await groups.mine(db, by=by, now=now, page=page)).lines)


# ------------------------------------------------------------------------------------------------ open


async def test_a_new_group_has_a_room_nobody_looks_after_yet(any_scene: Scene) -> None:
    scene = any_scene
    group = await start(scene.database, scene.cast.ada, name="  Cedar room ", purpose=f"\n{PURPOSE} ")
    async with scene.database.reading() as db:
        assert await rooms.unclaimed(db)
        place = await rooms.place(db, await rooms.group_room_id(db, group))
        page = await groups.page(db, by=scene.cast.ada, group_id=group, now=NOW)
    assert place is not None
    assert (place.kind, place.group_id, place.language, place.time_zone) == ("group", group, "en", "Europe/Berlin")
    assert (page.name, page.purpose, page.facilitators) == ("Cedar room", PURPOSE, ("Ada",))
    assert (page.roster, page.series) == ((), ())
    assert "Cedar" not in repr(page) and PURPOSE not in repr(page) and "Ada" not in repr(page)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", ""), ("name", " "), ("name", "M" * 65), ("name", "AA Tuesday"), ("name", "Maple\x00room"),
        ("purpose", ""), ("purpose", "\n\t"), ("purpose", "p" * 501),
        ("language", ""), ("language", "-"), ("language", "e n"), ("language", "en1"), ("language", "çé"),
        ("language", "../../etc"), ("language", "abcdefghijklm"),
        ("time_zone", ""), ("time_zone", "Berlin"), ("time_zone", "Europe"), ("time_zone", "../UTC"),
        ("time_zone", "/etc/localtime"), ("time_zone", "Europe/Berlin\x00"), ("time_zone", "Z" * 5000),
    ],
)  # fmt: skip
async def test_a_field_that_cannot_be_used_is_named_and_nothing_is_started(
    scene: Scene, field: str, given: str
) -> None:
    with pytest.raises(Invalid) as wrong:
        await start(scene.database, scene.cast.ada, **{field: given})
    assert wrong.value.field == field
    async with scene.database.reading() as db:
        assert await db.scalar(select(func.count()).select_from(Group)) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"language": "pt-BR"},
        {"purpose": "p" * 500},
        {"name": "M" * 64},
        {"time_zone": "Asia/Kathmandu"},
        {"name": "🍁"},
    ],
)
async def test_what_is_unusual_but_right_is_taken(scene: Scene, given: dict[str, str]) -> None:
    assert await start(scene.database, scene.cast.ada, **given)


async def test_the_suggested_name_is_another_one_for_every_group(scene: Scene) -> None:
    names = []
    for _ in range(3):
        async with scene.database.reading() as db:
            names.append(await groups.suggest_name(db, by=scene.cast.ada))
        await start(scene.database, scene.cast.ada, name=names[-1])
    assert len(set(names)) == 3


# ------------------------------------------------------------------------------------------------ see


async def test_the_list_is_by_name_and_says_how_many_are_in_and_when_they_meet(any_scene: Scene) -> None:
    scene = any_scene
    await scene.another_group("cedar room")
    for person in (BEN, CLEO, EVE):
        await scene.invite(person)
    await scene.joined(BEN)
    await scene.left(EVE)
    await scene.schedule(weekday=4)
    sooner = await scene.schedule(weekday=2)
    cedar, maple = await mine(scene, scene.cast.ada)
    assert (cedar.name, cedar.members, cedar.next_session) == ("cedar room", 0, None)
    assert (maple.name, maple.members) == ("Maple room", 2)
    assert maple.next_session is not None and maple.next_session.series == sooner
    assert "Maple" not in repr(maple)


async def test_a_deleted_group_is_no_longer_shown(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        await db.execute(update(Group).values(deleted=NOW))
    assert await mine(scene, scene.cast.ada) == []
    with pytest.raises(NotFound):
        await scene.page()


async def test_all_who_run_a_group_see_it_and_each_other(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        db.add(GroupFacilitator(group_id=scene.group, account_id=scene.cast.dan, since=NOW))
    page = await scene.page(by=scene.cast.dan)
    assert page.facilitators == ("Ada", "Dan")
    assert [line.id for line in await mine(scene, scene.cast.dan)] == [scene.group]


# ------------------------------------------------------------------------------------------------ ownership

Deed = Callable[[Scene, GroupId], Awaitable[object]]


async def look(scene: Scene, group: GroupId) -> object:
    async with scene.database.reading() as db:
        return await groups.page(db, by=scene.cast.dan, group_id=group, now=NOW)


async def invite(scene: Scene, group: GroupId) -> object:
    async with scene.database.transaction() as db:
        return await members.invite(db, by=scene.cast.dan, group_id=group, matrix_id=EVE, now=NOW)


async def plan_sessions(scene: Scene, group: GroupId) -> object:
    async with scene.database.transaction() as db:
        return await schedule.schedule(
            db, by=scene.cast.dan, group_id=group, weekday=0, at="19:00", time_zone="UTC", minutes=60, now=NOW
        )


async def end_sessions(scene: Scene, group: GroupId) -> None:
    series = (await scene.page()).series
    async with scene.database.transaction() as db:
        await schedule.end_series(db, by=scene.cast.dan, group_id=group, series_id=SeriesId(series[0].id), now=NOW)


@pytest.mark.parametrize("deed", [look, invite, plan_sessions, end_sessions])
async def test_to_dan_adas_group_reads_like_one_that_does_not_exist(scene: Scene, deed: Deed) -> None:
    await scene.invite(BEN)
    await scene.schedule()
    before = await scene.page()
    sentences = []
    for group in (scene.group, GroupId("none"), GroupId("")):
        with pytest.raises(NotFound) as refused:
            await deed(scene, group)
        sentences.append(refused.value.sentence)
    assert len(set(sentences)) == 1
    assert await scene.page() == before
    assert await mine(scene, scene.cast.dan) == []


# ------------------------------------------------------------------------------------------------ how the room is

ALIVE = {"bridge": NOW, "homeserver": NOW}
LOOKED = NOW - MINUTE


def seen(revision: int, trouble: str | None = None) -> Seen:
    return Seen(revision, trouble, LOOKED)


@pytest.mark.parametrize(
    ("sighting", "beats", "state"),
    [
        (None, {}, ("in_trouble", "no_bridge", None)),
        (seen(2), {}, ("in_trouble", "no_bridge", None)),
        (seen(2), {"homeserver": NOW}, ("in_trouble", "no_bridge", None)),
        (seen(2), ALIVE | {"bridge": NOW - 2 * MINUTE}, ("up_to_date", None, LOOKED)),
        (
            seen(2),
            ALIVE | {"bridge": NOW - 2 * MINUTE - SECOND},
            ("in_trouble", "no_bridge", NOW - 2 * MINUTE - SECOND),
        ),
        (seen(2), {"bridge": NOW}, ("in_trouble", "homeserver_unreachable", None)),
        (seen(2), ALIVE | {"homeserver": NOW - 3 * MINUTE}, ("in_trouble", "homeserver_unreachable", NOW - 3 * MINUTE)),
        (seen(2, "room_lost"), ALIVE, ("in_trouble", "room_lost", LOOKED)),
        (seen(1, "room_lost"), ALIVE, ("in_trouble", "room_lost", LOOKED)),
        (seen(2, "room_lost"), {}, ("in_trouble", "no_bridge", None)),
        (None, ALIVE, ("catching_up", None, None)),
        (seen(1), ALIVE, ("catching_up", None, LOOKED)),
        (seen(2), ALIVE, ("up_to_date", None, LOOKED)),
        (seen(3), ALIVE, ("up_to_date", None, LOOKED)),
    ],
)
def test_a_room_is_said_to_be_what_was_last_seen_of_it(
    sighting: Seen | None, beats: dict[str, datetime], state: tuple[str, str | None, datetime | None]
) -> None:
    found = groups.room_state(2, sighting, beats, NOW)
    assert (found.state, found.trouble, found.since) == state
    assert found.bridge_seen == beats.get("bridge")


async def test_list_and_page_say_the_same_of_a_room(any_scene: Scene) -> None:
    scene = any_scene

    async def said() -> RoomState:
        (line,) = await mine(scene, scene.cast.ada)
        assert line.room == (await scene.page()).room
        return line.room

    assert (await said()).trouble == "no_bridge"
    async with scene.database.transaction() as db:
        for name in ALIVE:
            await sightings.beat(db, name, now=NOW)
    assert (await said()).state == "catching_up"
    await scene.looked(revision=1)
    assert (await said()).state == "up_to_date"
    await scene.invite(BEN)
    assert (await said()).state == "catching_up"


# ------------------------------------------------------------------------------------------------ at any size


async def statements(scene: Scene, ask: Callable[[], Awaitable[object]]) -> int:
    before = scene.database.statements
    await ask()
    return scene.database.statements - before


async def test_two_hundred_groups_are_listed_in_as_many_statements_as_ten(any_scene: Scene) -> None:
    scene = any_scene
    counts: list[int] = []
    for upto in (10, 200):
        async with scene.database.transaction() as db:
            for number in range(len(counts) * 10 or 1, upto):
                group = await cast.opened(db, scene.cast.ada, name=f"Maple room {number}", zone="UTC", now=NOW)
                await members.invite(db, by=scene.cast.ada, group_id=group, matrix_id=BEN, now=NOW)
                await schedule.schedule(
                    db, by=scene.cast.ada, group_id=group, weekday=1, at="19:00", time_zone="UTC", minutes=60, now=NOW
                )
        assert len(await mine(scene, scene.cast.ada)) == min(upto, groups.PER_PAGE)
        counts.append(await statements(scene, lambda: mine(scene, scene.cast.ada)))
    assert counts[0] == counts[1] <= 4
    names = [line.name for page in (1, 2, 3, 4) for line in await mine(scene, scene.cast.ada, page=page)]
    assert names == sorted(names) and len(set(names)) == 200
    assert await mine(scene, scene.cast.ada, page=99) == await mine(scene, scene.cast.ada, page=4)
    assert await mine(scene, scene.cast.ada, page=0) == await mine(scene, scene.cast.ada)


async def test_a_group_of_two_hundred_is_shown_in_as_many_statements_as_one_of_five(any_scene: Scene) -> None:
    scene = any_scene
    counts: list[int] = []
    for first, upto in ((0, 5), (5, 200)):
        async with scene.database.transaction() as db:
            for number in range(first, upto):
                person = UserId(f"@member{number}:test")
                await members.invite(db, by=scene.cast.ada, group_id=scene.group, matrix_id=person, now=NOW)
                await sightings.people_seen(db, scene.room, {person: "invite"}, now=NOW)
        assert len((await scene.page()).roster) == upto
        counts.append(await statements(scene, scene.page))
    assert counts[0] == counts[1] <= 8
