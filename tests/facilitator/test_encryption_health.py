"""Who can read whom: kept for exactly those who have joined, written in batches, told to the person once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import event, select, update

from facilitator import encryption_health, outbox, sightings, unread
from facilitator.database.tables import Account, Act, KeySighting, PinnedIdentity, Room, RoomSighting
from facilitator.ids import BotId, EventId, RoomId, UserId
from facilitator.roster import MemberLine
from facilitator.rules.reach import SETTLES, SOONEST, Health, Reach
from tests.cast import ADA, BEN, CLEO
from tests.facilitator.scene import MAPLE, NOW, Scene

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
GIVEN, REFUSED, SILENT = Reach(given=1), Reach(refused=1), Reach(answered=False)


class Watched:
    """The group's room as the bridge sees it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    async def joined(self, *people: UserId, now: datetime = NOW) -> None:
        await self.scene.looked(now=now)
        async with self.scene.database.transaction() as db:
            await encryption_health.expect(db, self.scene.room, people, now=now)

    async def due(self, now: datetime = NOW) -> list[RoomId]:
        async with self.scene.database.transaction() as db:
            return list(await encryption_health.claim(db, self.scene.bot, now=now))

    async def reached(self, now: datetime = NOW, **found: Reach) -> list[UserId]:
        people = {UserId(f"@{name}:test"): how for name, how in found.items()}
        async with self.scene.database.transaction() as db:
            return await encryption_health.reached(db, {self.scene.room: people}, now=now)

    async def checked(self, now: datetime = NOW, **found: Reach) -> list[UserId]:
        await self.due(now)
        return await self.reached(now, **found)

    async def health(self, person: UserId = BEN, *, now: datetime = NOW) -> Health | None:
        page = await self.scene.page(now=now)
        (line,) = [line for line in page.roster if line.matrix_id == person]
        return line.health

    async def line(self, person: UserId = BEN, *, now: datetime = NOW) -> MemberLine:
        return next(line for line in (await self.scene.page(now=now)).roster if line.matrix_id == person)

    async def mentioned(self, person: UserId = BEN, *, now: datetime = NOW) -> int:
        """How often they were told, once all that is due is put."""
        async with self.scene.database.transaction() as db:
            await encryption_health.mention(db, person, now=now)
            acts = await db.scalars(select(Act).where(Act.utterance == "confirm_device"))
            return len(acts.all())


@asynccontextmanager
async def counted(scene: Scene) -> AsyncIterator[list[str]]:
    said: list[str] = []

    def note(_: object, __: object, statement: str, *more: object) -> None:
        said.append(statement)

    engine = scene.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


async def ben_in(scene: Scene) -> Watched:
    await scene.invite(BEN)
    await scene.joined(BEN)
    watched = Watched(scene)
    await watched.joined(ADA, BEN)
    return watched


async def test_whoever_has_joined_is_checked_soon_and_only_once(any_scene: Scene) -> None:
    watched = await ben_in(any_scene)
    assert await watched.health() is Health.UNKNOWN
    assert await watched.due() == [any_scene.room]
    assert await watched.due() == [], "it is claimed"
    await watched.reached(ada=GIVEN, ben=GIVEN)
    assert await watched.due(NOW + 9 * DAY) == []
    await watched.joined(ADA, BEN, CLEO, now=NOW + DAY)
    assert await watched.due(NOW + DAY) == [any_scene.room]


async def test_a_check_that_failed_is_made_again_a_few_minutes_later(scene: Scene) -> None:
    watched = await ben_in(scene)
    await watched.due()
    assert await watched.due(NOW + SOONEST - MINUTE) == []
    assert await watched.due(NOW + SOONEST) == [scene.room]


async def test_who_has_gone_is_forgotten_and_begins_anew(scene: Scene) -> None:
    watched = await ben_in(scene)
    await watched.checked(ada=GIVEN, ben=REFUSED)
    await watched.joined(ADA)
    assert await watched.health() is None
    await watched.joined(ADA, BEN, now=NOW + DAY)
    assert await watched.health(now=NOW + DAY) is Health.UNKNOWN
    assert (await watched.line(now=NOW + DAY)).health_since == NOW + DAY


async def test_changed_devices_are_checked_again_and_a_change_during_the_check_is_not_lost(any_scene: Scene) -> None:
    watched = await ben_in(any_scene)
    await watched.checked(ada=GIVEN, ben=REFUSED)
    later = NOW + DAY
    async with any_scene.database.transaction() as db:
        await encryption_health.devices_changed(db, [BEN, UserId("@stranger:test")], now=later)
    assert await watched.due(later) == [any_scene.room]
    async with any_scene.database.transaction() as db:
        await encryption_health.devices_changed(db, [BEN], now=later)
    await watched.reached(later, ada=GIVEN, ben=REFUSED)
    assert await watched.due(later) == [any_scene.room]
    await watched.reached(later, ada=GIVEN, ben=GIVEN)
    assert await watched.due(later) == []
    assert await watched.health(now=later) is Health.READS


async def test_a_room_that_cannot_be_spoken_in_is_not_checked(scene: Scene) -> None:
    watched = await ben_in(scene)
    async with scene.database.transaction() as db:
        await db.execute(update(RoomSighting).values(encryption=None))
    assert await watched.due() == []
    async with scene.database.transaction() as db:
        await db.execute(update(RoomSighting).values(encryption={"algorithm": "m.megolm.v1.aes-sha2"}))
        await db.execute(update(Room).values(closed=NOW))
    assert await watched.due() == []


async def test_the_roster_says_how_each_member_stands_and_since_when(any_scene: Scene) -> None:
    watched = await ben_in(any_scene)
    await any_scene.invite(CLEO)
    await watched.checked(ada=GIVEN, ben=REFUSED)
    await watched.checked(NOW + DAY, ada=GIVEN, ben=REFUSED)
    line = await watched.line(now=NOW + DAY)
    assert (line.health, line.health_since) == (Health.ONLY_UNSIGNED, NOW)
    assert (await watched.line(CLEO)).health is None, "who is not in the room yet is not judged"
    assert (await any_scene.page()).own_health is Health.READS


async def test_the_bot_cannot_read_somebody_until_something_new_of_theirs_is_read(any_scene: Scene) -> None:
    watched, later = await ben_in(any_scene), NOW + timedelta(hours=1)
    await watched.checked(ada=GIVEN, ben=GIVEN)
    async with any_scene.database.transaction() as db:
        for number in (1, 2):
            await unread.could_not_read(
                db, EventId(f"${number}"), room=MAPLE, session_id=f"s{number}", sender=BEN, now=NOW + number * MINUTE
            )
    assert await watched.health(now=NOW + 2 * MINUTE) is Health.READS, "a key may take a moment"
    line = await watched.line(now=later)
    assert (line.health, line.health_since) == (Health.NOT_READ, NOW + MINUTE)
    async with any_scene.database.transaction() as db:
        assert await unread.read_at_last(db, EventId("$1"))
    assert (await watched.line(now=later)).health_since == NOW + 2 * MINUTE, "the other one still waits"
    async with any_scene.database.transaction() as db:
        await unread.heard_from(db, MAPLE, BEN)
        assert await unread.latest(db) == [(MAPLE, "$2")], "it waits on for its key"
    assert await watched.health(now=later) is Health.READS


async def test_a_new_identity_is_shown_for_two_weeks(any_scene: Scene) -> None:
    watched = await ben_in(any_scene)
    await watched.checked(ada=GIVEN, ben=GIVEN)
    async with any_scene.database.transaction() as db:
        pin = {"bot_account_id": any_scene.bot, "since": NOW - 9 * DAY, "changed": NOW}
        db.add(PinnedIdentity(person_index=BEN, master_key="another", **pin))
    assert await watched.health(now=NOW + DAY) is Health.IDENTITY_CHANGED
    assert await watched.health(now=NOW + 14 * DAY) is Health.READS


async def test_the_number_of_statements_does_not_grow_with_people_or_rooms(scene: Scene) -> None:
    """Once to read what is kept, once to write what is new."""
    many = {UserId(f"@person{number}:test"): REFUSED for number in range(200)}
    few = {BEN: REFUSED}
    counts = []
    for people in (few, many):
        async with counted(scene) as said, scene.database.transaction() as db:
            await encryption_health.expect(db, scene.room, list(people), now=NOW)
            await encryption_health.reached(db, {scene.room: people}, now=NOW)
            await encryption_health.devices_changed(db, people, now=NOW)
            await encryption_health.of_group(db, scene.group, now=NOW)
        counts.append(len([each for each in said if "key_sightings" in each]))
    assert counts == [6, 6]


async def test_what_is_no_news_is_not_written(scene: Scene) -> None:
    watched = await ben_in(scene)
    await watched.checked(ada=GIVEN, ben=GIVEN)
    async with counted(scene) as said:
        await watched.reached(NOW + DAY, ada=GIVEN, ben=GIVEN)
    assert not [each for each in said if each.startswith("INSERT")]


async def test_nobody_is_told_before_their_device_had_a_while_to_be_confirmed(scene: Scene) -> None:
    watched = await ben_in(scene)
    assert await watched.checked(ada=GIVEN, ben=REFUSED) == []
    assert await watched.due(NOW + SETTLES - MINUTE) == []
    assert await watched.due(NOW + SETTLES) == [scene.room]
    assert await watched.reached(NOW + SETTLES, ada=GIVEN, ben=REFUSED) == [BEN]
    assert await watched.due(NOW + 9 * DAY) == [], "and then only when told of a change"


async def test_somebody_is_told_once_and_again_only_after_all_was_well_for_days(any_scene: Scene) -> None:
    watched = await ben_in(any_scene)
    await watched.checked(ben=REFUSED)
    assert await watched.mentioned(now=NOW) == 1
    await watched.reached(NOW + DAY, ben=GIVEN)
    await watched.reached(NOW + 2 * DAY, ben=REFUSED)
    assert await watched.mentioned(now=NOW + 2 * DAY) == 1, "a day of being well is no news when it ends"
    await watched.reached(NOW + 3 * DAY, ben=GIVEN)
    await watched.reached(NOW + 7 * DAY, ben=REFUSED)
    assert await watched.mentioned(now=NOW + 7 * DAY) == 2
    assert await watched.mentioned(now=NOW + 9 * DAY) == 2


async def test_what_is_said_names_no_device_and_goes_after_all_the_rest(scene: Scene) -> None:
    watched = await ben_in(scene)
    await watched.mentioned()
    async with scene.database.reading() as db:
        act = (await db.scalars(select(Act).where(Act.utterance == "confirm_device"))).one()
    assert (act.parameters, act.priority) == ({}, outbox.Priority.WELCOME)


async def test_nothing_is_due_in_a_room_that_cannot_be_spoken_in(any_scene: Scene) -> None:
    await ben_in(any_scene)

    async def due(bot: BotId) -> bool:
        async with any_scene.database.reading() as db:
            return await encryption_health.anything_due(db, bot, now=NOW)

    assert (await due(any_scene.bot), await due(BotId("other"))) == (True, False)
    async with any_scene.database.transaction() as db:
        await sightings.lost(db, any_scene.room, now=NOW)
    assert not await due(any_scene.bot)


async def test_a_person_is_never_kept_in_clear(scene: Scene) -> None:
    await ben_in(scene)
    async with scene.database.reading() as db:
        kept = await db.scalars(select(KeySighting.person_index))
        assert all("ben" not in person and "@" not in person for person in kept)
        assert await db.scalar(select(Account.id).limit(1))
