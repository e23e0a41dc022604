"""The journal is read by whoever runs the group, newest first, page by page, and by nobody else."""

from collections.abc import Collection
from datetime import datetime, timedelta

import pytest

from facilitator import chronicle, journal
from facilitator.chronicle import BOT, Asked, Cursor, Entry, Page
from facilitator.database.tables import Member
from facilitator.ids import AccountId, GroupId, MemberId
from tests.cast import ADA, BEN
from tests.facilitator.scene import NOW, Scene

MINUTE = timedelta(minutes=1)


async def read(
    scene: Scene,
    asked: Asked | None = None,
    *,
    by: AccountId | None = None,
    role: str = "facilitator",
    before: Cursor | None = None,
    limit: int = chronicle.PER_PAGE,
) -> Page:
    async with scene.database.reading() as db:
        return await chronicle.read(
            db, by=by or scene.cast.ada, role=role, asked=asked or Asked(), before=before, limit=limit
        )


async def note(scene: Scene, *verbs: str, group: GroupId | None = None, at: datetime = NOW, **more: str) -> None:
    """A minute apart each."""
    async with scene.database.transaction() as db:
        for number, verb in enumerate(verbs, 1):
            given = {"actor": BOT, **more}
            await journal.note(db, verb, group_id=group or scene.group, now=at + number * MINUTE, **given)  # type: ignore[arg-type]


def verbs(entries: Collection[Entry]) -> list[str]:
    return [entry.verb for entry in entries]


async def test_who_did_what_is_told_by_name_with_the_reason(any_scene: Scene) -> None:
    scene = any_scene
    member = await scene.invite(BEN, now=NOW + MINUTE)
    async with scene.database.transaction() as db:
        await journal.note(
            db, "member removed", actor=scene.cast.ada, subject=member, group_id=scene.group, reason="Too much.",
            now=NOW + 2 * MINUTE,
        )  # fmt: skip
    await note(scene, "room put back", at=NOW + 3 * MINUTE, actor=journal.SOMEBODY, subject="m.room.topic")
    put_back, removed, invited = (await read(scene)).entries[:3]
    assert (removed.verb, removed.actor.called, removed.subject and removed.subject.called) == (
        "member removed", "Ada", BEN,
    )  # fmt: skip
    assert removed.reason == "Too much." and invited.reason is None and removed.group == "Maple room"
    assert (put_back.actor.kind, put_back.subject, put_back.detail) == ("stranger", None, "m.room.topic")
    assert BEN not in repr(removed) and "Too much" not in repr(removed) and "Maple" not in repr(removed)


async def test_whoever_runs_no_group_reads_of_themselves_alone(any_scene: Scene) -> None:
    scene = any_scene
    await scene.invite(BEN)
    dans = await read(scene, by=scene.cast.dan)
    assert dans.entries and {entry.group_id for entry in dans.entries} == {None}
    assert {entry.actor.called for entry in dans.entries} == {"Dan"}
    for asked in (Asked(group=scene.group), Asked(person=scene.cast.ada), Asked(person=BOT)):
        assert (await read(scene, asked, by=scene.cast.dan)).entries == ()
    adas = (await read(scene, by=scene.cast.dan, role="coordinator")).entries
    assert {entry.actor.called for entry in adas} == {"Ada", "Dan"}
    assert {entry.group_id for entry in adas} == {None}  # looking after the house opens no group's journal


async def test_coordinators_read_what_they_did_about_groups_of_others_and_nothing_else_of_them(
    any_scene: Scene,
) -> None:
    scene, dan = any_scene, any_scene.cast.dan
    member = await scene.invite(BEN)
    waived = "group opened, what is missing waived"
    await note(scene, waived, actor=dan, reason="They will come.")
    await note(scene, "group handed over", actor=dan, subject=scene.cast.ada, at=NOW + MINUTE)
    await note(scene, "member removed", "group paused", actor=dan, subject=member, at=NOW + 3 * MINUTE)
    await note(scene, waived, actor=scene.cast.ada, at=NOW + 6 * MINUTE)
    of_it = [each for each in (await read(scene, by=dan, role="coordinator")).entries if each.group_id]
    assert verbs(of_it) == ["group handed over", waived] and of_it[1].reason == "They will come."
    assert {each.group for each in of_it} == {""}
    assert not [each for each in (await read(scene, by=dan)).entries if each.group_id]
    assert not (await read(scene, Asked(group=scene.group), by=dan, role="coordinator")).entries
    adas = (await read(scene, role="coordinator")).entries
    assert len({each.id for each in adas}) == len(adas) and verbs(adas).count("group handed over") == 1


async def test_what_was_about_a_group_that_is_gone_is_nobodys(any_scene: Scene) -> None:
    async with any_scene.database.transaction() as db:
        await journal.note(db, "member joined", actor=BOT, now=NOW)
    found = await read(any_scene, role="coordinator")
    assert "member joined" not in verbs(found.entries) and "account added" in verbs(found.entries)


async def test_who_is_gone_is_somebody_who_was_here(any_scene: Scene) -> None:
    scene = any_scene
    member = await scene.invite(BEN, now=NOW + MINUTE)
    async with scene.database.transaction() as db:
        await db.delete(await db.get_one(Member, member))
    invited = (await read(scene)).entries[0]
    assert invited.subject is not None and (invited.subject.kind, invited.subject.called) == ("gone", "")


async def test_a_member_of_anothers_group_is_not_called_by_name(any_scene: Scene) -> None:
    """Also where an entry of one's own names them."""
    scene = any_scene
    other, _ = await scene.another_group(by=scene.cast.dan)
    member = await scene.invite(BEN)
    await note(scene, "member invited", group=other, actor=scene.cast.dan, subject=MemberId(member))
    (invited, *_) = (await read(scene, Asked(group=other), by=scene.cast.dan)).entries
    assert invited.subject is not None and invited.subject.kind == "gone"


@pytest.mark.parametrize("groups", [1, 30])
async def test_pages_follow_each_other_without_a_gap_or_a_double(any_scene: Scene, groups: int) -> None:
    scene = any_scene
    made = [scene.group, *[(await scene.another_group(f"Room {each}"))[0] for each in range(1, groups)]]
    async with scene.database.transaction() as db:
        for number in range(130):
            at = NOW + number // 3 * MINUTE
            await journal.note(db, f"deed {number}", actor=BOT, group_id=made[number % groups], now=at)
    all_at_once = (await read(scene, limit=1_000)).entries
    assert len(all_at_once) >= 130 + groups
    assert [(entry.at, entry.id) for entry in all_at_once] == sorted(
        ((entry.at, entry.id) for entry in all_at_once), reverse=True
    )
    for limit in (7, 20):
        found: list[Entry] = []
        page = await read(scene, limit=limit)
        while True:
            found += page.entries
            assert len(page.entries) == limit or page.older is None
            if page.older is None:
                break
            page = await read(scene, limit=limit, before=page.older)
        assert found == list(all_at_once)


async def test_entries_are_chosen_by_group_person_and_day(any_scene: Scene) -> None:
    scene = any_scene
    other, _ = await scene.another_group()
    member = await scene.invite(BEN, now=NOW + MINUTE)
    await scene.joined(BEN, now=NOW + 2 * MINUTE)
    await note(scene, "stranger removed", group=other, at=NOW + timedelta(days=1))
    for person, expected in (
        (member, ["member joined", "member invited"]),
        (BOT, ["stranger removed"]),
    ):
        assert verbs((await read(scene, Asked(person=person))).entries) == expected
    assert "member invited" not in verbs((await read(scene, Asked(group=other))).entries)
    day = NOW + timedelta(days=1)
    assert verbs((await read(scene, Asked(since=day))).entries) == ["stranger removed"]
    assert "stranger removed" not in verbs((await read(scene, Asked(until=day))).entries)
    assert (await read(scene, Asked(group=scene.group, person=BOT, since=day))).entries == ()


async def test_it_asks_as_much_whatever_there_is(any_scene: Scene) -> None:
    scene, counts = any_scene, set()
    for more in (0, 30):
        for each in range(more):
            await scene.another_group(f"Room {each}")
        for asked in (Asked(), Asked(group=scene.group), Asked(person=scene.cast.ada)):
            before = scene.database.statements
            await read(scene, asked, role="coordinator")
            counts.add(scene.database.statements - before)
    assert counts == {4}


async def test_people_to_choose_from_are_those_one_may_know(any_scene: Scene) -> None:
    scene = any_scene
    await scene.invite(BEN)

    async def called(by: AccountId, role: str, group: GroupId | None) -> list[str]:
        async with scene.database.reading() as db:
            return [each.called for _, each in await chronicle.people(db, by=by, role=role, group_id=group)]

    assert await called(scene.cast.ada, "facilitator", None) == ["Ada"]
    assert await called(scene.cast.ada, "coordinator", None) == ["Ada", "Dan"]
    assert await called(scene.cast.ada, "coordinator", scene.group) == ["Ada", BEN]
    assert await called(scene.cast.dan, "facilitator", scene.group) == ["Dan"]


async def test_very_many_groups_make_no_list_to_choose_from(any_scene: Scene) -> None:
    await any_scene.another_group("A room")
    async with any_scene.database.reading() as db:
        some = await chronicle.groups(db, by=any_scene.cast.ada, most=2)
        assert some is not None and [name for _, name in some] == ["A room", "Maple room"]
        assert await chronicle.groups(db, by=any_scene.cast.ada, most=1) is None
        assert await chronicle.groups(db, by=any_scene.cast.dan, most=1) == []


async def test_ada_is_called_by_her_name_and_not_by_her_matrix_id(any_scene: Scene) -> None:
    await any_scene.invite(BEN)
    assert ADA not in {entry.actor.called for entry in (await read(any_scene)).entries}
