"""The plan: every clause in a line, and the property that carries the reconciler: plan, take, plan again — nothing."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bridge.matrix.homeserver import CreateRoom, FoundRoom, Invite, Remove, SetState, Step
from bridge.plan import Obstacle, obstacles, plan, with_invited
from facilitator.ids import MatrixRoomId, RoomId, UserId
from facilitator.rules.server_acl import ServerAcl, only
from facilitator.rules.wanted_room import ENCRYPTION, WantedRoom, power_levels

BOT, RECOVERY = UserId("@hearth:home"), UserId("@recovery:home")
ADA, BEN, CLEO, DAN = (UserId(f"@{name}:test") for name in ("ada", "ben", "cleo", "dan"))
EVERYBODY = (BOT, RECOVERY, ADA, BEN, CLEO, DAN)
ROOM = MatrixRoomId("!room")

WANTED = WantedRoom(
    marker=RoomId("7"),
    revision=1,
    name="Maple room",
    power_levels=power_levels(frozenset({ADA})),
    people=frozenset({ADA, BEN}),
    unwelcome=frozenset({DAN}),
    additional_creators=(RECOVERY,),
)
SETTLED = FoundRoom(
    room=ROOM,
    version="12",
    creators=frozenset({BOT, RECOVERY}),
    made_by=BOT,
    marker=RoomId("7"),
    name="Maple room",
    topic=None,
    join_rule="invite",
    history_visibility="joined",
    guest_access="forbidden",
    encryption=ENCRYPTION,
    power_levels=power_levels(frozenset({ADA})),
    members={BOT: "join", ADA: "join", BEN: "invite"},
    server_acl=ServerAcl().content(),
)


def test_a_room_nobody_has_found_is_created_complete_and_without_invitees() -> None:
    (step,) = plan(WANTED, None)
    assert isinstance(step, CreateRoom)
    assert (step.marker, step.version, step.encryption) == (RoomId("7"), "12", ENCRYPTION)
    assert step.power_levels == WANTED.power_levels


def test_a_creator_is_left_out_of_the_new_rooms_power_map() -> None:
    (step,) = plan(replace(WANTED, power_levels=power_levels(frozenset({ADA, RECOVERY}))), None)
    assert isinstance(step, CreateRoom)
    assert set(step.power_levels["users"]) == {ADA}


def test_a_room_as_it_should_be_needs_nothing() -> None:
    assert plan(WANTED, SETTLED) == ()


def test_an_unencrypted_room_gets_encryption_and_nothing_else() -> None:
    found = replace(SETTLED, encryption=None, name="Addiction", members={BOT: "join"})
    assert plan(WANTED, found) == (SetState(ROOM, "m.room.encryption", dict(ENCRYPTION)),)


def test_a_room_under_an_algorithm_that_is_not_ours_is_not_encrypted_to_us() -> None:
    found = replace(SETTLED, encryption={"algorithm": "m.other"}, members={BOT: "join"})
    assert plan(WANTED, found) == (SetState(ROOM, "m.room.encryption", dict(ENCRYPTION)),)


def test_keys_that_change_more_often_are_left_so() -> None:
    assert plan(WANTED, replace(SETTLED, encryption={**ENCRYPTION, "rotation_period_msgs": 3})) == ()


def test_keys_that_change_more_rarely_are_put_right_and_the_rest_is_kept() -> None:
    lowered = {**ENCRYPTION, "rotation_period_msgs": 10_000, "rotation_period_ms": 3_600_000, "extra": True}
    assert plan(WANTED, replace(SETTLED, encryption=lowered)) == (
        SetState(ROOM, "m.room.encryption", {**lowered, "rotation_period_msgs": 100}),
    )


def test_rotation_that_is_not_said_means_what_the_specification_says() -> None:
    assert plan(WANTED, replace(SETTLED, encryption={"algorithm": "m.megolm.v1.aes-sha2"})) == ()


def test_each_drift_is_put_back() -> None:
    drifts: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
        "name": ({"name": "Ben's room"}, "m.room.name", {"name": "Maple room"}),
        "no name": ({"name": None}, "m.room.name", {"name": "Maple room"}),
        "topic": ({"topic": "come all"}, "m.room.topic", {"topic": ""}),
        "join rule": ({"join_rule": "public"}, "m.room.join_rules", {"join_rule": "invite"}),
        "history": (
            {"history_visibility": "shared"},
            "m.room.history_visibility",
            {"history_visibility": "joined"},
        ),
        "guests": ({"guest_access": "can_join"}, "m.room.guest_access", {"guest_access": "forbidden"}),
    }
    for what, (change, type_, content) in drifts.items():
        assert plan(WANTED, replace(SETTLED, **change)) == (SetState(ROOM, type_, content),), what


@pytest.mark.parametrize(
    "present",
    [
        None,
        {},
        {"allow": ["*"], "deny": ["ben.example"], "allow_ip_literals": False},
        {"allow": ["home"], "allow_ip_literals": False},
        {"allow": ["*"], "deny": []},
        {"allow": "*", "deny": [], "allow_ip_literals": False},
        {"allow": ["*", 7], "deny": 7, "allow_ip_literals": 7},
    ],
)
def test_another_list_of_servers_is_put_back(present: dict[str, Any] | None) -> None:
    acl = {"allow": ["*"], "deny": [], "allow_ip_literals": False}
    assert plan(WANTED, replace(SETTLED, server_acl=present)) == (SetState(ROOM, "m.room.server_acl", acl),)


def test_the_order_of_servers_means_nothing() -> None:
    wanted = replace(WANTED, server_acl=only({"home", "one.example", "two.example"}))
    acl = {"allow": ["two.example", "home", "one.example"], "deny": [], "allow_ip_literals": False}
    assert plan(wanted, replace(SETTLED, server_acl=acl)) == ()


def test_who_keeps_a_room_is_never_shut_out_of_it() -> None:
    wanted = replace(WANTED, server_acl=only({"one.example"}), house=frozenset({UserId("@second:10.0.0.1:8448")}))
    for step in (*plan(wanted, None), *plan(wanted, SETTLED)):
        content = step.server_acl if isinstance(step, CreateRoom) else step.content  # type: ignore[union-attr]
        acl = ServerAcl(tuple(content["allow"]), tuple(content["deny"]), content["allow_ip_literals"])
        assert acl.permits("home")
        assert acl.permits("10.0.0.1:8448")
        assert not acl.permits("two.example")


def test_power_drift_is_put_back_whole() -> None:
    changes: tuple[dict[str, Any], ...] = (
        {"users": {ADA: 50, BEN: 50}},
        {"users": {}},
        {"events": {}},
        {"state_default": 50},
        {"notifications": {"room": 0}},
        {"invite": 0},
        {"users": "nonsense"},
        {"notifications": None},
    )
    for change in changes:
        found = replace(SETTLED, power_levels={**SETTLED.power_levels, **change})
        assert plan(WANTED, found) == (SetState(ROOM, "m.room.power_levels", dict(WANTED.power_levels)),), change


def test_power_that_means_the_same_is_left_alone() -> None:
    said_otherwise = dict(SETTLED.power_levels) | {"historical": 100, "users": {ADA: 50, BEN: 0}}
    del said_otherwise["kick"], said_otherwise["users_default"], said_otherwise["notifications"]
    assert plan(WANTED, replace(SETTLED, power_levels=said_otherwise)) == ()


def test_who_is_missing_is_invited_and_who_knocks_is_let_in() -> None:
    found = replace(SETTLED, members={BOT: "join", ADA: "leave", BEN: "knock"})
    assert plan(WANTED, found) == (Invite(ROOM, ADA), Invite(ROOM, BEN))


def test_who_is_unwelcome_is_removed_before_anybody_is_invited() -> None:
    for membership in ("join", "invite", "knock"):
        found = replace(SETTLED, members={BOT: "join", ADA: "join", DAN: membership})
        assert plan(WANTED, found) == (Remove(ROOM, DAN), Invite(ROOM, BEN))


def test_a_stranger_is_left_alone_here() -> None:
    assert plan(WANTED, replace(SETTLED, members={**SETTLED.members, CLEO: "join"})) == ()


def test_creators_are_never_removed_and_the_obstacle_is_named() -> None:
    wanted = replace(WANTED, unwelcome=frozenset({BOT, RECOVERY}))
    found = replace(SETTLED, members={**SETTLED.members, RECOVERY: "join"})
    assert plan(wanted, found) == ()
    assert set(obstacles(wanted, found)) == {Obstacle("creator", BOT), Obstacle("creator", RECOVERY)}


def test_a_ban_is_a_facilitators_word_and_is_named() -> None:
    found = replace(SETTLED, members={**SETTLED.members, BEN: "ban"})
    assert plan(WANTED, found) == ()
    assert obstacles(WANTED, found) == (Obstacle("banned", BEN),)
    assert "ben" not in repr(obstacles(WANTED, found))


def test_an_old_version_and_a_missing_recovery_account_are_named() -> None:
    found = replace(SETTLED, version="10", creators=frozenset({BOT}))
    assert obstacles(WANTED, found) == (Obstacle("other_version"),), "there the recovery account has a hundred instead"
    found = replace(SETTLED, creators=frozenset({BOT}))
    assert obstacles(WANTED, found) == (Obstacle("no_recovery", RECOVERY),)
    assert obstacles(replace(WANTED, version="11"), SETTLED) == (), "newer than this homeserver makes is no trouble"


OURS = replace(WANTED, bot=BOT, house=frozenset({BOT, RECOVERY}))
OLDER = replace(
    SETTLED,
    version="11",
    creators=frozenset(),
    power_levels={
        **SETTLED.power_levels,
        "users": {ADA: 50, BOT: 100, RECOVERY: 100},
        "events": {**SETTLED.power_levels["events"], "m.room.tombstone": 100},
    },
)


def test_where_nobody_stands_above_the_numbers_bot_and_recovery_account_have_the_highest() -> None:
    (step,) = plan(replace(OURS, version="11"), None)
    assert isinstance(step, CreateRoom)
    assert step.power_levels == OLDER.power_levels
    assert (step.version, step.additional_creators) == ("11", ())
    assert plan(OURS, OLDER) == ()
    without = replace(OLDER, power_levels={**OLDER.power_levels, "users": {ADA: 50, BOT: 100}})
    assert plan(OURS, without) == (SetState(ROOM, "m.room.power_levels", OLDER.power_levels),)


def test_in_a_room_somebody_else_made_the_bot_asks_for_no_more_than_it_has() -> None:
    found = replace(OLDER, version="12", creators=frozenset({ADA}), made_by=ADA)
    (step,) = plan(OURS, found)
    assert isinstance(step, SetState)
    assert step.content["users"] == {BOT: 100, RECOVERY: 100}
    assert max(step.content["events"].values()) == 100


def test_what_the_bot_has_no_right_to_is_not_tried_and_is_named() -> None:
    powerless = replace(
        SETTLED, creators=frozenset({ADA}), made_by=ADA, name="Other", members={**SETTLED.members, DAN: "join"}
    )
    assert plan(OURS, powerless) == ()
    assert Obstacle("no_power") in obstacles(OURS, powerless)
    assert Obstacle("creator", DAN) in obstacles(OURS, powerless)
    assert Obstacle("no_power") not in obstacles(OURS, SETTLED)
    in_clear = replace(powerless, encryption=None)
    assert plan(OURS, in_clear) == ()
    assert Obstacle("no_power") in obstacles(OURS, in_clear)


def test_nobody_of_equal_power_is_removed_and_the_obstacle_is_named() -> None:
    found = replace(OLDER, members={**SETTLED.members, DAN: "join"})
    equal = replace(found, power_levels={**OLDER.power_levels, "users": {**OLDER.power_levels["users"], DAN: 100}})
    assert Remove(ROOM, DAN) in plan(OURS, found)
    assert Remove(ROOM, DAN) not in plan(OURS, equal)
    assert Obstacle("creator", DAN) in obstacles(OURS, equal)


def test_power_above_the_bots_own_is_left_as_it_is() -> None:
    events = {**OLDER.power_levels["events"], "m.room.tombstone": 150, "m.room.topic": 0}
    users = {ADA: 0, BEN: 100, BOT: 100, RECOVERY: 100}
    (step,) = plan(OURS, replace(OLDER, power_levels={**OLDER.power_levels, "events": events, "users": users}))
    assert isinstance(step, SetState)
    assert step.content["users"] == {ADA: 50, BEN: 100, BOT: 100, RECOVERY: 100}
    assert (step.content["events"]["m.room.tombstone"], step.content["events"]["m.room.topic"]) == (150, 100)


def test_the_houses_own_accounts_are_never_removed() -> None:
    other_bot = UserId("@second:home")
    wanted = replace(OURS, unwelcome=frozenset({other_bot, RECOVERY}), house=OURS.house | {other_bot})
    found = replace(OLDER, members={**OLDER.members, other_bot: "join", RECOVERY: "join"})
    assert plan(wanted, found) == ()


# ------------------------------------------------------------------------------------------- any room at all

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


@some.composite
def wanted_rooms(draw: some.DrawFn) -> WantedRoom:
    return WantedRoom(
        marker=RoomId("7"),
        revision=draw(some.integers(1, 9)),
        name=draw(some.sampled_from(("Maple room", "Birch room"))),
        topic=draw(TEXT),
        power_levels=power_levels(draw(PEOPLE)),
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
