"""The plan: every clause in a line."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.matrix.homeserver import CreateRoom, FoundRoom, Invite, Remove, SetState
from bridge.plan import Obstacle, obstacles, plan
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
