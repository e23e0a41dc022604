"""The plan of a room the bot is about to leave: emptied, its keepers last, or left to them with the power to run it."""

import random
from dataclasses import replace

import pytest

from bridge.matrix.homeserver import FoundRoom, Remove, SetState
from bridge.plan import plan
from facilitator.rules.life import KeptBy
from facilitator.rules.wanted_room import last_room, power_levels
from tests.bridge.test_plan import ADA, BEN, BOT, CLEO, DAN, RECOVERY, ROOM, SETTLED, WANTED

OURS = replace(WANTED, bot=BOT, house=frozenset({BOT, RECOVERY}))
EMPTIED, LEFT = last_room(OURS, KeptBy.NOBODY), last_room(OURS, KeptBy.MEMBERS)
CROWDED = replace(
    SETTLED, members={BOT: "join", RECOVERY: "join", ADA: "join", BEN: "invite", CLEO: "join", DAN: "knock"}
)


def taken(found: FoundRoom, steps: tuple[object, ...]) -> FoundRoom:
    for step in steps:
        if isinstance(step, Remove):
            found = replace(found, members={**found.members, step.user: "leave"})
        elif isinstance(step, SetState):
            found = replace(found, power_levels=step.content)
    return found


def test_everybody_is_asked_out_who_runs_it_last_and_the_house_stays() -> None:
    assert [step.user for step in plan(EMPTIED, CROWDED) if isinstance(step, Remove)] == [BEN, CLEO, DAN, ADA]
    assert plan(EMPTIED, taken(CROWDED, plan(EMPTIED, CROWDED))) == ()


@pytest.mark.parametrize("changed", [{"name": "Another"}, {"join_rule": "public"}, {"server_acl": {}}, {"topic": "x"}])
def test_nothing_else_is_put_back_in_a_room_that_is_over(changed: dict[str, object]) -> None:
    assert plan(EMPTIED, replace(CROWDED, members={BOT: "join"}, **changed)) == ()  # type: ignore[arg-type]
    kept = replace(CROWDED, power_levels=LEFT.power_levels, **changed)  # type: ignore[arg-type]
    assert plan(LEFT, kept) == ()


def test_who_is_banned_or_gone_is_left_alone() -> None:
    assert plan(EMPTIED, replace(CROWDED, members={BOT: "join", ADA: "ban", BEN: "leave"})) == ()


def test_a_room_left_to_its_members_is_run_by_its_facilitators_whole() -> None:
    (step,) = plan(LEFT, CROWDED)
    assert isinstance(step, SetState) and (step.room, step.type) == (ROOM, "m.room.power_levels")
    assert step.content["users"] == {ADA: 100}
    needed = [step.content[name] for name in ("state_default", "invite", "kick", "ban", "redact")]
    assert max(*needed, *step.content["events"].values()) == 100
    assert plan(LEFT, taken(CROWDED, (step,))) == ()


def test_in_a_room_without_creators_the_bot_hands_over_what_it_has() -> None:
    levels = power_levels(frozenset({ADA}))
    old = replace(CROWDED, version="10", creators=frozenset(), power_levels={**levels, "users": {BOT: 100, ADA: 50}})
    (step,) = plan(LEFT, old)
    assert isinstance(step, SetState) and step.content["users"][ADA] == 100
    assert plan(LEFT, taken(old, (step,))) == ()


def test_whatever_is_in_a_room_that_is_emptied_it_comes_to_an_end() -> None:
    chance = random.Random(7)
    for _ in range(300):
        members = {user: chance.choice(("join", "invite", "knock", "leave", "ban")) for user in (ADA, BEN, CLEO, DAN)}
        users = {user: chance.choice((0, 50, 99, 100)) for user in (ADA, BEN)}
        creators = frozenset(chance.sample([BOT, RECOVERY, DAN], 2)) | {BOT}
        found = replace(
            CROWDED, members={BOT: "join", **members}, creators=creators,
            power_levels={**CROWDED.power_levels, "users": users},
        )  # fmt: skip
        steps = plan(EMPTIED, found)
        assert plan(EMPTIED, taken(found, steps)) == ()
        inside = {user for user, is_now in taken(found, steps).members.items() if is_now in ("join", "invite", "knock")}
        assert inside <= creators | {BOT}
