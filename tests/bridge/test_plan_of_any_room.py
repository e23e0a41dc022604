"""The property that carries the reconciler, of any room at all: plan, take the steps, plan again: nothing is left."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from bridge.matrix.homeserver import CreateRoom, FoundRoom, Invite, Remove, SetState, Step
from bridge.plan import plan, with_invited
from facilitator.ids import RoomId, UserId
from facilitator.rules.server_acl import ServerAcl, only
from facilitator.rules.wanted_room import ENCRYPTION, Person, WantedRoom, backstage_room, power_levels
from tests.bridge.test_plan import ADA, BEN, BOT, CLEO, DAN, EVERYBODY, RECOVERY, ROOM, SETTLED

LEVEL = some.one_of(some.integers(-10, 200), some.just("50"), some.none())
PEOPLE = some.frozensets(some.sampled_from((ADA, BEN, CLEO, DAN, RECOVERY)))
POWER: some.SearchStrategy[dict[str, Any]] = some.fixed_dictionaries(
    {},
    optional={
        "users": some.one_of(some.dictionaries(some.sampled_from(EVERYBODY), LEVEL), some.none()),
        "events": some.dictionaries(some.sampled_from(("m.room.name", "m.room.tombstone", "x")), LEVEL),
        "notifications": some.one_of(some.dictionaries(some.just("room"), LEVEL), some.just([])),
        **dict.fromkeys(("users_default", "state_default", "events_default", "invite", "kick", "historical"), LEVEL),
    },
)
ENCRYPTIONS = some.one_of(
    some.none(),
    some.just(ENCRYPTION),
    some.fixed_dictionaries(
        {},
        optional={
            "algorithm": some.sampled_from(("m.megolm.v1.aes-sha2", "m.other")),
            "rotation_period_ms": LEVEL,
            "rotation_period_msgs": LEVEL,
        },
    ),
)
TEXT = some.one_of(some.none(), some.sampled_from(("", "Maple room", "Other")))
ACLS = some.one_of(
    some.none(),
    some.fixed_dictionaries(
        {},
        optional={
            "allow": some.sampled_from((["*"], ["home"], "*", [7])),
            "deny": some.sampled_from(([], ["home"], ["*"], None)),
            "allow_ip_literals": some.sampled_from((True, False, "no")),
        },
    ),
)
MEMBERSHIP = some.sampled_from(("join", "invite", "leave", "ban", "knock"))


def backstage_levels(people: frozenset[UserId]) -> Mapping[str, Any]:
    running = tuple(Person(person, "facilitator") for person in people)
    return backstage_room(RoomId("7"), 1, group="Maple room", people=running).power_levels


@some.composite
def wanted_rooms(draw: some.DrawFn) -> WantedRoom:
    return WantedRoom(
        marker=RoomId("7"),
        revision=draw(some.integers(1, 9)),
        name=draw(some.sampled_from(("Maple room", "Birch room"))),
        topic=draw(TEXT),
        power_levels=draw(PEOPLE.map(power_levels) | PEOPLE.map(backstage_levels)),
        people=draw(PEOPLE),
        unwelcome=draw(PEOPLE | some.just(frozenset({BOT}))),
        additional_creators=draw(some.sampled_from(((), (RECOVERY,)))),
        server_acl=draw(some.sampled_from((ServerAcl(), only({"home"}), only({"x"}), ServerAcl(("*",), ("home",))))),
        house=frozenset({BOT}),
    )


@some.composite
def found_rooms(draw: some.DrawFn) -> FoundRoom:
    return FoundRoom(
        room=ROOM,
        version="12",
        creators=frozenset({BOT, *draw(some.sampled_from(((), (RECOVERY,))))}),
        made_by=BOT,
        marker=RoomId("7"),
        name=draw(TEXT),
        topic=draw(TEXT),
        join_rule=draw(some.sampled_from((None, "invite", "public", "knock"))),
        history_visibility=draw(some.sampled_from((None, "joined", "shared"))),
        guest_access=draw(some.sampled_from((None, "forbidden", "can_join"))),
        encryption=draw(ENCRYPTIONS),
        power_levels=draw(POWER),
        members=draw(some.dictionaries(some.sampled_from(EVERYBODY), MEMBERSHIP)) | {BOT: "join"},
        server_acl=draw(ACLS),
    )


FIELDS = {
    "m.room.name": ("name", "name"),
    "m.room.topic": ("topic", "topic"),
    "m.room.join_rules": ("join_rule", "join_rule"),
    "m.room.history_visibility": ("history_visibility", "history_visibility"),
    "m.room.guest_access": ("guest_access", "guest_access"),
}


def take(found: FoundRoom | None, step: Step) -> FoundRoom:
    """What a homeserver makes of a step, as far as the plan can see."""
    if isinstance(step, CreateRoom):
        creators = frozenset({BOT, *step.additional_creators})
        return replace(
            SETTLED,
            creators=creators,
            name=step.name,
            power_levels=step.power_levels,
            members={BOT: "join"},
            server_acl=step.server_acl,
        )
    assert found is not None
    if isinstance(step, Invite):
        assert found.encryption is not None
        assert found.members.get(step.user) not in ("join", "ban")
        return replace(found, members={**found.members, step.user: "invite"})
    if isinstance(step, Remove):
        assert step.user not in found.creators
        return replace(found, members={**found.members, step.user: "leave"})
    if step.type == "m.room.encryption":
        return replace(found, encryption=step.content)
    if step.type == "m.room.power_levels":
        return replace(found, power_levels=step.content)
    if step.type == "m.room.server_acl":
        return replace(found, server_acl=step.content)
    field, key = FIELDS[step.type]
    return replace(found, **{field: step.content[key]})


def take_all(found: FoundRoom | None, steps: Iterable[Step]) -> FoundRoom:
    for step in steps:
        found = take(found, step)
    assert found is not None
    return found


def encrypted(found: FoundRoom | None) -> bool:
    return found is not None and (found.encryption or {}).get("algorithm") == "m.megolm.v1.aes-sha2"


@settings(max_examples=2_000, deadline=None)
@given(wanted_rooms(), some.one_of(some.none(), found_rooms()))
def test_plan_take_and_plan_again_leaves_nothing(wanted: WantedRoom, found: FoundRoom | None) -> None:
    if not encrypted(found):
        found = take_all(found, plan(wanted, found))
    found = take_all(found, plan(wanted, found))
    assert plan(wanted, found) == ()
    assert all(found.members.get(user) in ("join", "invite", "ban") for user in wanted.people)
    assert (found.name, found.join_rule, found.history_visibility) == (wanted.name, "invite", "joined")


@settings(max_examples=100, deadline=None)
@given(wanted_rooms(), found_rooms())
def test_once_everybody_was_asked_in_another_look_would_show_what_is_known(
    wanted: WantedRoom, found: FoundRoom
) -> None:
    if not encrypted(found):
        found = take_all(found, plan(wanted, found))
    found = take_all(found, [step for step in plan(wanted, found) if not isinstance(step, Invite)])
    invitations = [step for step in plan(wanted, found) if isinstance(step, Invite)]
    known = with_invited(found, invitations)
    assert (known, plan(wanted, known)) == (take_all(found, invitations), ())


@settings(max_examples=300, deadline=None)
@given(wanted_rooms(), found_rooms())
def test_nobody_is_invited_into_a_room_that_is_not_encrypted(wanted: WantedRoom, found: FoundRoom) -> None:
    steps = plan(wanted, found)
    if not encrypted(found):
        assert [type(step) for step in steps] == [SetState]
    kinds = [type(step) for step in steps]
    assert kinds == sorted(kinds, key=[SetState, Remove, Invite].index), "rights come before people"


@settings(max_examples=300, deadline=None)
@given(wanted_rooms(), some.one_of(some.none(), found_rooms()))
def test_no_step_gives_power_to_a_creator_or_removes_one(wanted: WantedRoom, found: FoundRoom | None) -> None:
    creators = {BOT, *(found.creators if found else wanted.additional_creators)}
    for step in plan(wanted, found):
        if isinstance(step, CreateRoom):
            assert not creators & set(step.power_levels["users"])
        if isinstance(step, SetState) and step.type == "m.room.power_levels":
            assert not creators & set(step.content["users"])
        assert not (isinstance(step, Remove) and step.user in creators)


@settings(max_examples=300, deadline=None)
@given(wanted_rooms(), found_rooms())
def test_encryption_is_never_lowered(wanted: WantedRoom, found: FoundRoom) -> None:
    for step in plan(wanted, found):
        if isinstance(step, SetState) and step.type == "m.room.encryption":
            assert step.content["algorithm"] == "m.megolm.v1.aes-sha2"
            for key in ("rotation_period_ms", "rotation_period_msgs"):
                before = (found.encryption or {}).get(key)
                ours = wanted.encryption[key]
                said = encrypted(found) and type(before) is int and before > 0
                assert step.content[key] <= (min(before, ours) if said else ours)
