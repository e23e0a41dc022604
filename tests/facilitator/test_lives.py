"""A group's life as decisions: who may take them, when, what is written down, and what is refused with which words."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update

from facilitator import deletions, editing, facilitators, groups, lives, members, schedule
from facilitator.agenda import Agenda
from facilitator.database.tables import Account, Group, GroupFacilitator, JournalEntry
from facilitator.editing import Details
from facilitator.errors import Invalid, NotAllowed, NotFound, TooLate
from facilitator.ids import GroupId
from facilitator.rules.life import KeptBy
from tests import cast
from tests.cast import ADA, BEN, CLEO
from tests.facilitator.scene import NOW, Scene
from tests.rules.test_life import ALine

CHECKED = (ALine("crisis", date(2026, 10, 1)),)
DAY = timedelta(days=1)
Deed = Callable[..., Awaitable[Any]]


async def do(scene: Scene, deed: Deed, *, now: datetime = NOW, **given: Any) -> Any:
    async with scene.database.transaction() as db:
        return await deed(db, **{"by": scene.cast.ada, "group_id": scene.group, "now": now} | given)


async def close(scene: Scene, *, kept_by: KeptBy = KeptBy.NOBODY, **given: Any) -> None:
    usual = {"typed_name": "Maple room", "on": date(2026, 11, 5), "farewell": "Go well.", "kept_by": kept_by}
    await do(scene, lives.close, **usual | given)


async def row(scene: Scene, group: GroupId | None = None) -> Group:
    async with scene.database.reading() as db:
        return (await db.scalars(select(Group).where(Group.id == (group or scene.group)))).one()


async def noted(scene: Scene, group: GroupId | None = None) -> list[tuple[str, str, str | None]]:
    async with scene.database.reading() as db:
        mine = select(JournalEntry).where(JournalEntry.group_id == (group or scene.group))
        entries = await db.scalars(mine.order_by(JournalEntry.at))
        return [(each.verb, each.actor, each.reason) for each in entries]


async def a_draft(scene: Scene, **given: Any) -> GroupId:
    return await cast.start_group(scene.database, scene.cast.ada, now=NOW, **given)


async def second_facilitator(scene: Scene, group: GroupId, *, part: str = "facilitator") -> None:
    async with scene.database.transaction() as db:
        db.add(GroupFacilitator(group_id=group, account_id=scene.cast.dan, role=part, since=NOW))


# ------------------------------------------------------------------------------------------------ opening


async def test_a_draft_opens_when_nothing_is_missing(any_scene: Scene) -> None:
    scene = any_scene
    group = await a_draft(scene)
    await second_facilitator(scene, group)
    await do(scene, lives.open_group, group_id=group, lines=CHECKED)
    found = await row(scene, group)
    assert (found.state, found.opened, found.waived_by) == ("open", NOW, None)
    assert ("group opened", scene.cast.ada, None) in await noted(scene, group)


@pytest.mark.parametrize(
    ("second", "lines", "says"),
    [
        (False, CHECKED, "A second facilitator is missing"),
        (True, (), "A crisis line"),
        (True, (ALine("crisis", date(2025, 11, 1)),), "A crisis line"),
        (False, (), "Two things are missing"),
    ],
)
async def test_what_is_missing_is_said(scene: Scene, second: bool, lines: tuple[ALine, ...], says: str) -> None:
    group = await a_draft(scene)
    if second:
        await second_facilitator(scene, group)
    with pytest.raises(Invalid) as refusal:
        await do(scene, lives.open_group, group_id=group, lines=lines)
    assert refusal.value.field == "ready" and refusal.value.sentence.startswith(says)
    assert (await row(scene, group)).state == "draft"


@pytest.mark.parametrize("change", [{"matrix_id": None, "matrix_id_index": None}, {"disabled": NOW}])
async def test_who_cannot_be_reached_is_no_second_facilitator(scene: Scene, change: dict[str, Any]) -> None:
    group = await a_draft(scene)
    await second_facilitator(scene, group)
    async with scene.database.transaction() as db:
        await db.execute(update(Account).where(Account.id == scene.cast.dan).values(change))
    with pytest.raises(Invalid):
        await do(scene, lives.open_group, group_id=group, lines=CHECKED)


async def test_a_coordinator_waives_what_is_missing_and_why_is_kept(any_scene: Scene) -> None:
    scene = any_scene
    group = await a_draft(scene)
    await do(scene, lives.open_group, group_id=group, lines=(), waiver=" We know each other. ")
    assert ((await row(scene, group)).state, (await row(scene, group)).waived_by) == ("open", scene.cast.ada)
    entry = ("group opened, what is missing waived", scene.cast.ada, "We know each other.")
    assert entry in await noted(scene, group)


async def test_a_facilitator_waives_nothing(scene: Scene) -> None:
    group = await a_draft(scene)
    async with scene.database.transaction() as db:
        await db.execute(update(Account).where(Account.id == scene.cast.ada).values(role="facilitator"))
    with pytest.raises(NotAllowed):
        await do(scene, lives.open_group, group_id=group, lines=(), waiver="Because")
    assert (await row(scene, group)).state == "draft"


async def test_nobody_is_invited_into_a_draft(scene: Scene) -> None:
    group = await a_draft(scene)
    with pytest.raises(Invalid) as refusal:
        await do(scene, members.invite, group_id=group, matrix_id=BEN)
    assert refusal.value.field == "matrix_id" and "draft" in refusal.value.sentence
    async with scene.database.transaction() as db:
        assert not await members.invited_on_matrix(db, group, BEN, by=ADA, now=NOW)


# ------------------------------------------------------------------------------------------------ pausing


async def test_a_pause_keeps_sessions_from_taking_place_and_ends(any_scene: Scene) -> None:
    scene = any_scene
    await scene.schedule()
    await do(scene, lives.pause, reason=" Holidays. ", now=NOW + timedelta(hours=1))
    async with scene.database.reading() as db:
        assert await schedule.going_on(db, scene.bot) == {}
        assert await schedule.upcoming(db, scene.group, now=NOW, count=3) == []
    assert (await scene.page()).series[0].next
    await do(scene, lives.pause)  # pressed twice
    await do(scene, lives.resume, now=NOW + DAY)
    assert ((await row(scene)).state, (await row(scene)).opened) == ("open", NOW + DAY)
    verbs = [(verb, reason) for verb, _, reason in await noted(scene) if verb.startswith("group ")]
    assert verbs[-2:] == [("group paused", "Holidays."), ("group resumed", None)]


async def test_a_session_that_began_before_the_group_went_on_takes_no_place(scene: Scene) -> None:
    series = await scene.schedule(weekday=0, at="14:00")  # 13:00 UTC, this Monday
    starts = NOW + timedelta(hours=1)
    await do(scene, lives.pause)
    await do(scene, lives.resume, now=starts + timedelta(minutes=5))
    async with scene.database.reading() as db:
        assert not await schedule.takes_place(db, series, starts=starts)
        assert await schedule.takes_place(db, series, starts=starts + 7 * DAY)
        (next_one,) = await schedule.upcoming(db, scene.group, now=starts + timedelta(minutes=6), count=1)
        day = await Agenda(scene.bot, [timedelta(minutes=20)]).look(db, now=starts + timedelta(minutes=6))
    assert next_one.starts == starts + 7 * DAY
    assert (day.due, day.next_due) == ([], starts + 7 * DAY - timedelta(minutes=20))


# ------------------------------------------------------------------------------------------------ closing


async def test_a_group_is_to_be_closed_at_noon_of_a_day_of_its_own(any_scene: Scene) -> None:
    scene = any_scene
    await close(scene, reason="We are done.")
    found = await row(scene)
    assert (found.state, found.farewell, found.room_goes_to) == ("closing", "Go well.", "nobody")
    assert found.closes is not None and found.closes.isoformat() == "2026-11-05T11:00:00+00:00"
    assert ("group to be closed, its room left to nobody", scene.cast.ada, "We are done.") in await noted(scene)
    page = await scene.page()
    assert (page.life.state, page.life.closes, page.life.kept_by) == ("closing", found.closes, "nobody")
    assert "Go well" not in repr(page)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("closes_on", {"on": None}),
        ("closes_on", {"on": date(2026, 11, 2)}),
        ("closes_on", {"on": date(2028, 1, 1)}),
        ("farewell", {"farewell": "x" * 1001}),
        ("reason", {"reason": "x" * 301}),
        ("typed_name", {"typed_name": "Cedar room"}),
        ("typed_name", {"typed_name": ""}),
    ],
)
async def test_what_closing_needs_is_asked_for(scene: Scene, field: str, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        await close(scene, **given)
    assert refusal.value.field == field and (await row(scene)).state == "open"


@pytest.mark.parametrize("typed", ["maple room", "  Maple   room ", "Ｍaple room"])
async def test_the_name_is_typed_as_people_type(scene: Scene, typed: str) -> None:
    await close(scene, typed_name=typed)
    assert (await row(scene)).state == "closing"


async def test_kept_open_everything_is_as_it_was_until_the_day_has_come(scene: Scene) -> None:
    await close(scene)
    await do(scene, lives.reopen)
    found = await row(scene)
    assert (found.state, found.closes, found.room_goes_to) == ("open", None, None)
    await do(scene, lives.pause)
    await close(scene)
    await do(scene, lives.reopen)
    assert (await row(scene)).state == "paused"
    await close(scene)
    with pytest.raises(TooLate):
        await do(scene, lives.reopen, now=NOW + 4 * DAY)


@pytest.mark.parametrize("deed", [lives.pause, lives.resume, lives.reopen])
async def test_what_cannot_be_done_is_said_kindly(scene: Scene, deed: Deed) -> None:
    group = await a_draft(scene)
    with pytest.raises(TooLate):
        await do(scene, deed, group_id=group)
    assert (await row(scene, group)).state == "draft"


# ------------------------------------------------------------------------------------------------ whose word


DEEDS: dict[str, tuple[Deed, dict[str, Any]]] = {
    "open": (lives.open_group, {"lines": CHECKED}),
    "pause": (lives.pause, {}),
    "resume": (lives.resume, {}),
    "close": (
        lives.close,
        {"typed_name": "Maple room", "on": date(2026, 11, 5), "farewell": "", "kept_by": KeptBy.NOBODY},
    ),
    "reopen": (lives.reopen, {}),
    "edit": (editing.edit, {"version": 2, "details": Details("Elm room", "Talking", "en", "UTC")}),
    "delete": (deletions.delete_group, {"typed_name": "Maple room"}),
    "undelete": (deletions.undelete, {}),
}


@pytest.mark.parametrize("name", DEEDS)
async def test_what_is_not_theirs_is_not_found(scene: Scene, name: str) -> None:
    deed, given = DEEDS[name]
    before = await row(scene)
    with pytest.raises(NotFound):
        await do(scene, deed, by=scene.cast.dan, **given)
    assert (await row(scene)).version == before.version and (await row(scene)).state == "open"


@pytest.mark.parametrize("name", ["close", "delete", "undelete", "reopen"])
async def test_a_co_facilitator_neither_closes_nor_deletes(scene: Scene, name: str) -> None:
    await second_facilitator(scene, scene.group, part="co-facilitator")
    deed, given = DEEDS[name]
    with pytest.raises(NotAllowed):
        await do(scene, deed, by=scene.cast.dan, **given)
    await do(scene, lives.pause, by=scene.cast.dan)
    assert not (await scene.page(by=scene.cast.dan)).life.leads


async def close_at_once(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        closed = {"state": "closed", "closed": NOW, "opened": None, "room_goes_to": "nobody"}
        await db.execute(update(Group).where(Group.id == scene.group).values(closed))


@pytest.mark.parametrize("name", ["open", "pause", "resume", "close", "reopen", "edit"])
async def test_a_closed_group_is_seen_and_not_changed(scene: Scene, name: str) -> None:
    await close_at_once(scene)
    deed, given = DEEDS[name]
    with pytest.raises(TooLate):
        await do(scene, deed, **given)
    assert (await scene.page()).life.state == "closed"
    async with scene.database.reading() as db:
        (line,) = (await groups.mine(db, by=scene.cast.ada, now=NOW)).lines
    assert (line.state, line.next_session) == ("closed", None)


async def test_closed_groups_stand_last_in_the_list(scene: Scene) -> None:
    await close_at_once(scene)
    await scene.another_group("Willow room")
    async with scene.database.reading() as db:
        assert [line.name for line in (await groups.mine(db, by=scene.cast.ada, now=NOW)).lines] == [
            "Willow room", "Maple room",
        ]  # fmt: skip


async def test_that_the_bot_empties_the_room_of_a_closed_group_says_nothing_of_who_was_in_it(scene: Scene) -> None:
    await scene.invite(BEN)
    await scene.joined(BEN)
    await close_at_once(scene)
    revision = await scene.revision()
    await scene.removed(BEN, by=cast.BOT)
    assert (await scene.line(BEN)).standing == "joined" and await scene.revision() == revision


async def test_whom_nobody_asked_is_not_in_a_closed_groups_list_of_ones_groups(scene: Scene) -> None:
    await scene.invite(CLEO)
    await close_at_once(scene)
    async with scene.database.reading() as db:
        assert await members.groups_of(db, CLEO) == []
        assert await members.groups_of(db, ADA) == []


# ------------------------------------------------------------------------------------------------ at once


async def test_the_second_of_two_who_close_a_group_is_not_overruled_unheard(any_scene: Scene) -> None:
    """What somebody else has settled is settled anew only by who has seen it; the same once more is no quarrel."""
    scene = any_scene
    await close(scene, farewell="Go well.")
    await close(scene, farewell="Go well.")
    seen = (await row(scene)).version
    for other in ({"kept_by": KeptBy.MEMBERS}, {"farewell": "Fare well."}, {"on": date(2026, 12, 24)}):
        with pytest.raises(lives.SettledMeanwhile):
            await close(scene, **other, version=seen - 1)
    found = await row(scene)
    assert (found.room_goes_to, found.farewell, found.version) == ("nobody", "Go well.", seen)
    await close(scene, kept_by=KeptBy.MEMBERS, on=date(2026, 12, 24), version=seen)
    found = await row(scene)
    assert found.closes is not None
    assert (found.state, found.room_goes_to, found.closes.day) == ("closing", "members", 24)
    with pytest.raises(TooLate):
        await close(scene, version=found.version, now=found.closes)


async def test_the_farewell_of_a_group_kept_open_is_kept_for_whoever_closes_it(scene: Scene) -> None:
    await close(scene, farewell="Go well.")
    await do(scene, lives.reopen)
    async with scene.database.reading() as db:
        assert await lives.closing(db, by=scene.cast.ada, group_id=scene.group) == (None, "Go well.")


async def beside(scene: Scene, first: Deed, second: Deed, **given: Any) -> BaseException | None:
    """What the second hears, which is begun before the first is settled."""
    async with scene.database.transaction() as db:
        await first(db)
        task = asyncio.ensure_future(do(scene, second, **given))
        await asyncio.wait({task}, timeout=0.3)
    (heard,) = await asyncio.gather(task, return_exceptions=True)
    return heard if isinstance(heard, BaseException) else None


async def test_of_two_one_of_whom_opens_and_one_deletes_the_second_hears_of_the_first(any_scene: Scene) -> None:
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    opened, deleted = await a_draft(scene), await a_draft(scene)
    for group in (opened, deleted):
        await second_facilitator(scene, group)
    opens = partial(lives.open_group, by=dan, lines=CHECKED, now=NOW)
    deletes = partial(deletions.delete_group, by=ada, typed_name="Maple room", now=NOW)
    heard = await beside(
        scene, partial(opens, group_id=opened), deletions.delete_group, group_id=opened, typed_name="Maple room"
    )
    assert isinstance(heard, TooLate)
    assert ((await row(scene, opened)).state, (await row(scene, opened)).deleted) == ("open", None)
    heard = await beside(
        scene, partial(deletes, group_id=deleted), lives.open_group, by=dan, group_id=deleted, lines=CHECKED
    )
    assert isinstance(heard, NotFound)
    assert ((await row(scene, deleted)).state, (await row(scene, deleted)).deleted) == ("draft", NOW)


async def test_a_group_whose_second_facilitator_leaves_just_then_is_not_opened(any_scene: Scene) -> None:
    scene, dan = any_scene, any_scene.cast.dan
    group = await a_draft(scene)
    await second_facilitator(scene, group)
    goes = partial(facilitators.leave, by=dan, group_id=group, now=NOW)
    heard = await beside(scene, goes, lives.open_group, group_id=group, lines=CHECKED)
    assert isinstance(heard, Invalid) and (await row(scene, group)).state == "draft"
