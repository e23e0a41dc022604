"""Who is asked into a group, what became of their invitation, and their one welcome."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from facilitator import members, outbox, sightings
from facilitator.database.tables import Account
from facilitator.errors import Invalid
from facilitator.ids import UserId, because
from tests.cast import ADA, BEN, BOT, CLEO, DAN, EVE
from tests.facilitator.scene import NOW, Scene, set_up
from tests.keys import Keys

LATER = NOW + timedelta(hours=1)


# ------------------------------------------------------------------------------------------------ invite


async def test_whoever_is_invited_is_on_the_roster_and_wanted_in_the_room(any_scene: Scene) -> None:
    member = await any_scene.invite(" @Ben:TEST")
    line = await any_scene.line(UserId("@Ben:test"))
    assert (line.id, line.standing, line.since, line.reached, line.trouble) == (member, "invited", NOW, False, None)
    assert (await any_scene.wanted()).people == {ADA, "@Ben:test"}
    assert "Ben" not in repr(line)


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "@", ":", "@:", "@ben", "@ben:", "@:test", "ben:test", "ben", "ben@test", "@ben:te st", "@b en:test",
        "@ben:test/", "@ben:test:port", "#ben:test", "!ben:test", "@ben\n:test", "@ben\x00:test", "@bén:test",
        "＠ben:test", "@ben:tést", "'; DROP TABLE members; --", "<script>", "@" * 300, f"@{'b' * 300}:test",
    ],
)  # fmt: skip
async def test_what_is_no_matrix_id_is_refused_and_nobody_is_asked(scene: Scene, typed: str) -> None:
    with pytest.raises(Invalid) as wrong:
        await scene.invite(typed)
    assert wrong.value.field == "matrix_id"
    assert (await scene.page()).roster == ()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(typed=some.text(max_size=300) | some.builds("@{}:{}".format, some.text(max_size=60), some.text(max_size=60)))
def test_whatever_is_typed_there_is_a_member_or_a_sentence(keys: Keys, sqlite_url: str, typed: str) -> None:
    async def try_it() -> None:
        database = keys.connect(sqlite_url)
        async with database.transaction() as db:
            for table in reversed(Account.metadata.sorted_tables):
                await db.execute(table.delete())
        scene = await set_up(database)
        try:
            assert await scene.invite(typed)
        except Invalid as wrong:
            assert wrong.field == "matrix_id" and wrong.sentence
        await database.close()

    asyncio.run(try_it())


async def test_who_is_there_already_is_not_asked_twice(scene: Scene) -> None:
    await scene.invite(BEN)
    for _ in ("invited", "joined"):
        with pytest.raises(Invalid, match="in the group already"):
            await scene.invite("@ben:TEST")
        await scene.joined(BEN)
    assert await scene.invitation() == 1


async def test_a_facilitator_of_the_group_is_not_made_a_member_of_it(scene: Scene) -> None:
    with pytest.raises(Invalid, match="is a facilitator"):
        await scene.invite(ADA)
    assert await scene.invite(DAN), "who runs other groups may be a member of this one"


async def test_of_two_who_invite_the_same_person_at_once_one_hears_that_they_are_there(
    keys: Keys, any_url: str
) -> None:
    scene = await set_up(keys.connect(any_url))
    found = await asyncio.gather(*(scene.invite(BEN) for _ in range(6)), return_exceptions=True)
    refused = [str(each) for each in found if isinstance(each, BaseException)]
    assert len(refused) == 5 and all("in the group already" in each for each in refused)
    assert len((await scene.page()).roster) == 1
    await scene.database.close()


@pytest.mark.parametrize("gone", ["left", "removed"])
async def test_who_left_or_was_removed_is_asked_anew_and_counted(any_scene: Scene, gone: str) -> None:
    scene = any_scene
    member = await scene.invite(BEN)
    await scene.joined(BEN)
    await (scene.left(BEN) if gone == "left" else scene.removed(BEN, by=ADA))
    assert (await scene.line()).standing == gone
    assert await scene.invite(BEN, now=LATER) == member
    line = await scene.line()
    assert (line.standing, line.since, await scene.invitation()) == ("invited", LATER, 2)


@pytest.mark.parametrize("trouble", ["forbidden", "unknown_person", "unknown_server", "slow_down", "unreachable"])
async def test_an_invitation_that_could_not_go_says_why_and_may_be_asked_for_anew(
    any_scene: Scene, trouble: str
) -> None:
    scene = any_scene
    await scene.invite(BEN)
    await scene.not_invited(trouble, next_try=LATER)
    line = await scene.line()
    assert (line.trouble, line.next_try, line.reached) == (trouble, LATER, False)
    await scene.invite(BEN)
    line = await scene.line()
    assert (line.trouble, line.next_try, await scene.invitation()) == (None, None, 2), "the old trouble is over"
    assert BEN in (await scene.wanted()).people


# ------------------------------------------------------------------------------------------------ join


async def test_each_invitation_is_welcomed_once(any_scene: Scene) -> None:
    scene = any_scene
    member = await scene.invite(BEN)
    assert [await scene.joined(BEN) for _ in range(3)] == [member] * 3
    await scene.left(BEN)
    await scene.invite(BEN)
    await scene.joined(BEN)
    assert [act.id for act in await scene.welcomes()] == [because("welcome", member, n) for n in (1, 2)]
    assert (await scene.line()).standing == "joined"


async def test_a_welcome_tells_who_came_and_when_they_meet(scene: Scene) -> None:
    await scene.schedule(weekday=2)
    await scene.schedule(weekday=1)
    await scene.invite(BEN)
    await scene.joined(BEN)
    (act,) = await scene.welcomes()
    tuesday = {"starts": "2026-11-03T18:00:00+00:00", "time_zone": "Europe/Berlin"}
    assert act.parameters == {"person": BEN, "sessions": [tuesday]}
    assert (act.room_id, act.priority) == (scene.room, outbox.Priority.WELCOME)


async def test_who_is_on_another_server_is_welcomed_when_that_has_had_time_to_learn_of_the_bot(scene: Scene) -> None:
    far = UserId("@fay:far.example")
    for person in (BEN, far):
        await scene.invite(person)
        await scene.joined(person)
    wait = members.THEIR_SERVER_LEARNS
    assert [act.next_try for act in await scene.welcomes()] == [None, NOW + wait]
    for now, said in ((NOW + wait - timedelta(seconds=1), BEN), (NOW + wait, far)):
        await scene.looked(now=now)
        async with scene.database.transaction() as db:
            for act in await outbox.next_acts(db, scene.bot, now=now):
                assert act.parameters["person"] == said
                await outbox.settle(db, act.id, "sent", now=now)
    assert [act.outcome for act in await scene.welcomes()] == ["sent", "sent"]


@pytest.mark.parametrize("person", [EVE, ADA])
async def test_a_stranger_or_a_facilitator_who_joins_is_no_member_and_not_welcomed(
    scene: Scene, person: UserId
) -> None:
    assert await scene.joined(person) is None
    assert await scene.welcomes() == []


@pytest.mark.parametrize(("behind", "standing"), [(0, "joined"), (1, "invited")])
async def test_who_is_found_inside_has_joined_unless_the_look_was_before_the_invitation(
    any_scene: Scene, behind: int, standing: str
) -> None:
    scene = any_scene
    await scene.invite(BEN)
    wanted = await scene.wanted()
    async with scene.database.transaction() as db:
        people = {ADA, BEN, EVE}
        await members.found_inside(db, scene.room, people, revision=wanted.revision - behind, now=NOW)
    assert (await scene.line()).standing == standing
    assert len(await scene.welcomes()) == (standing == "joined")


async def test_a_look_is_written_down_in_as_many_statements_for_thirty_refused_as_for_three(any_scene: Scene) -> None:
    scene, counts = any_scene, []
    for number in (3, 30):
        people = [UserId(f"@m{n}:test") for n in range(number)]
        for person in people[3 if number > 3 else 0 :]:
            await scene.invite(person)
        before = scene.database.statements
        async with scene.database.transaction() as db:
            await sightings.could_not_invite(db, scene.room, dict.fromkeys(people, ("forbidden", None)), now=NOW)
        counts.append(scene.database.statements - before)
        assert [line.trouble for line in (await scene.page()).roster] == ["forbidden"] * number
    assert counts == [2, 2]


async def test_of_many_found_inside_each_costs_a_welcome_and_whoever_is_known_to_be_there_nothing(
    any_scene: Scene,
) -> None:
    scene, counts = any_scene, []
    people = [UserId(f"@m{n}:test") for n in range(12)]
    for person in people:
        await scene.invite(person)
    wanted = await scene.wanted()
    for inside in (people[:1], people, people):
        before = scene.database.statements
        async with scene.database.transaction() as db:
            await members.found_inside(db, scene.room, inside, revision=wanted.revision, now=NOW)
        counts.append(scene.database.statements - before)
    one, eleven, none = counts
    assert none == 1
    assert eleven - one <= 10 + 1
    assert len(await scene.welcomes()) == 12


# ------------------------------------------------------------------------------------------------ what follows


async def test_every_change_of_who_should_be_there_is_a_new_revision(any_scene: Scene) -> None:
    scene = any_scene
    changes: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: scene.invite(BEN), lambda: scene.left(BEN), lambda: scene.invite(BEN),
        lambda: scene.removed(BEN, by=ADA), lambda: scene.invited_on_matrix(BEN, by=ADA),
    )  # fmt: skip
    for change in changes:
        before = await scene.revision()
        await change()
        assert await scene.revision() == before + 1
    await scene.invited_on_matrix(BEN, by=ADA)
    await scene.removed(EVE, by=ADA)
    with pytest.raises(Invalid):
        await scene.invite(BEN)
    assert await scene.revision() == before + 1, "what changes nothing raises nothing"


async def test_the_roster_is_by_matrix_id_with_what_became_of_each(any_scene: Scene) -> None:
    scene = any_scene
    for person in (EVE, BEN, CLEO):
        await scene.invite(person)
    await scene.people_seen(ben="join", cleo="invite")
    await scene.joined(BEN)
    await scene.not_invited("unknown_person", person=EVE)
    roster = (await scene.page()).roster
    assert [(line.matrix_id, line.standing, line.reached, line.trouble) for line in roster] == [
        (BEN, "joined", True, None),
        (CLEO, "invited", True, None),
        (EVE, "invited", False, "unknown_person"),
    ]


async def test_who_is_in_which_groups_is_known_for_members_and_facilitators(scene: Scene) -> None:
    cedar, _ = await scene.another_group()
    await scene.invite(BEN)
    await scene.invite(CLEO)
    await scene.left(CLEO)
    async with scene.database.reading() as db:
        assert await members.groups_of(db, BEN) == [scene.group]
        assert set(await members.groups_of(db, ADA)) == {scene.group, cedar}
        assert [await members.groups_of(db, person) for person in (CLEO, DAN, EVE)] == [[], [], []]


@pytest.mark.parametrize("ending", ["left", "removed"])
async def test_who_left_or_was_removed_is_still_known_here(scene: Scene, ending: str) -> None:
    await scene.invite(BEN)
    await (scene.left(BEN) if ending == "left" else scene.removed(BEN, by=ADA))
    async with scene.database.reading() as db:
        assert [await members.known_here(db, person, now=NOW) for person in (ADA, BEN, EVE)] == [True, True, False]


async def test_the_bots_own_account_is_nobodys_member(scene: Scene) -> None:
    with pytest.raises(Invalid, match="bot's own account") as refused:
        await scene.invite(BOT)
    assert refused.value.field == "matrix_id"
    assert not await scene.invited_on_matrix(BOT, by=ADA)
