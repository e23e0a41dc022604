"""What a room of ours should be: complete, private, and with power only where it belongs."""

import pytest

from facilitator.ids import RoomId, UserId
from facilitator.rules.wanted_room import (
    Person,
    WantedRoom,
    backstage_room,
    direct_room,
    group_room,
    power_levels,
)
from tests.cast import ADA, BEN, BOT, CLEO, DAN, EVE

ROOM = RoomId("room")

GIVEN = {
    "m.room.avatar", "m.room.canonical_alias", "m.room.encryption", "m.room.guest_access",
    "m.room.history_visibility", "m.room.join_rules", "m.room.power_levels", "m.room.server_acl",
    "m.room.tombstone", "m.room.topic",
}  # fmt: skip
"""State that belongs to the bot alone."""


def group(*people: Person, waiting: frozenset[UserId] = frozenset(), recovery: UserId | None = None) -> WantedRoom:
    return group_room(ROOM, 3, name="Maple room", people=people, waiting=waiting, recovery=recovery)


FACILITATOR = Person(ADA, "facilitator")


def test_a_room_is_private_encrypted_and_of_the_newest_kind() -> None:
    for room in (group(FACILITATOR), direct_room(ROOM, 3, name="Hearth", person=BEN)):
        assert (room.marker, room.revision, room.version) == (ROOM, 3, "12")
        assert (room.join_rule, room.history_visibility, room.guest_access) == ("invite", "joined", "forbidden")
        assert room.encryption == {
            "algorithm": "m.megolm.v1.aes-sha2",
            "rotation_period_ms": 7 * 24 * 60 * 60 * 1000,
            "rotation_period_msgs": 100,
        }
        assert room.topic is None


def test_the_power_map_is_complete() -> None:
    levels = power_levels(frozenset({DAN, ADA}))
    assert levels["users"] == {ADA: 50, DAN: 50}
    assert {key: levels[key] for key in ("users_default", "events_default", "state_default")} == {
        "users_default": 0,
        "events_default": 0,
        "state_default": 100,
    }
    assert [levels[key] for key in ("invite", "kick", "ban", "redact")] == [50] * 4
    assert levels["notifications"] == {"room": 50}
    assert levels.keys() == {
        "users", "users_default", "events", "events_default", "state_default", "invite", "kick", "ban", "redact",
        "notifications",
    }  # fmt: skip


def test_what_makes_the_room_what_it_is_nobody_but_the_bot_may_change() -> None:
    events = power_levels(frozenset({ADA}))["events"]
    assert events.keys() >= GIVEN
    assert all(events[name] >= 100 for name in GIVEN)
    assert events["m.room.tombstone"] > 100, "as room version 12 wants it"
    assert {name for name, level in events.items() if level == 0} == {
        "org.matrix.msc3401.call.member", "org.matrix.msc4143.rtc.member", "m.rtc.member",
    }  # fmt: skip
    assert events["m.room.pinned_events"] == 50
    assert events["m.room.name"] == 50, "a facilitator may rename the room in their own app"


def test_two_maps_share_nothing_that_changing_one_would_change_in_the_other() -> None:
    one, other = power_levels(frozenset({ADA})), power_levels(frozenset({ADA}))
    one["users"][EVE] = one["events"]["m.room.name"] = 0
    assert other == power_levels(frozenset({ADA}))


STANDINGS = ("facilitator", "invited", "joined", "left", "removed")


@pytest.mark.parametrize("standing", STANDINGS)
def test_facilitators_and_the_invited_are_asked_in_and_only_the_removed_are_put_out(standing: str) -> None:
    room = group(Person(BEN, standing))
    assert (BEN in room.people) == (standing in ("facilitator", "invited"))
    assert (BEN in room.unwelcome) == (standing == "removed")
    assert (BEN in room.power_levels["users"]) == (standing == "facilitator")


@pytest.mark.parametrize("standing", STANDINGS)
def test_a_facilitator_who_was_once_a_member_is_a_facilitator(standing: str) -> None:
    room = group(Person(BEN, standing), Person(BEN, "facilitator"))
    assert BEN in room.people and BEN not in room.unwelcome and room.power_levels["users"] == {BEN: 50}


def test_who_waits_is_not_asked_and_keeps_their_power() -> None:
    room = group(FACILITATOR, Person(BEN, "invited"), Person(CLEO, "invited"), waiting=frozenset({ADA, BEN, EVE}))
    assert room.people == {CLEO} and room.unwelcome == frozenset()
    assert room.power_levels["users"] == {ADA: 50}


def test_the_recovery_account_is_a_creator_and_no_number_is_given_to_it() -> None:
    room = group(FACILITATOR, recovery=EVE)
    assert room.additional_creators == (EVE,)
    assert EVE not in room.power_levels["users"] and BOT not in room.power_levels["users"]
    assert group(FACILITATOR).additional_creators == ()


def test_a_direct_room_is_for_one_person_who_is_asked_once() -> None:
    room = direct_room(ROOM, 1, name="Hearth", person=BEN)
    assert (room.people, room.unwelcome) == (frozenset({BEN}), frozenset())
    assert room.direct_to == BEN and room.all_devices
    assert room.power_levels == power_levels(frozenset())
    asked = direct_room(ROOM, 1, name="Hearth", person=BEN, asked=True)
    assert (asked.people, asked.direct_to) == (frozenset(), BEN)


def test_in_a_group_room_only_signed_devices_are_spoken_to() -> None:
    assert not group(FACILITATOR).all_devices


def test_a_wanted_room_shows_no_name_and_no_person() -> None:
    shown = repr(group(FACILITATOR, Person(BEN, "removed"), recovery=EVE)) + repr(Person(BEN, "left"))
    shown += repr(direct_room(ROOM, 1, name="Hearth", person=CLEO))
    assert [word for word in ("Maple", "ada", "ben", "cleo", "eve") if word in shown] == []


# ------------------------------------------------------------------------------------------------------- backstage


def backstage(*people: Person, waiting: frozenset[UserId] = frozenset(), name: str = "Maple room") -> WantedRoom:
    return backstage_room(ROOM, 3, group=name, people=people, waiting=waiting)


def test_backstage_are_those_who_run_the_group_and_nobody_else() -> None:
    resting, recovery = Person(DAN, "resting"), Person(EVE, "recovery")
    room = backstage(FACILITATOR, resting, recovery)
    assert room.people == room.known == {ADA, EVE}
    assert room.unwelcome == {DAN}
    assert room.additional_creators == (EVE,)
    assert backstage(FACILITATOR, waiting=frozenset({ADA})).people == frozenset()
    assert backstage(FACILITATOR, waiting=frozenset({ADA})).known == {ADA}


def test_backstage_nobody_is_asked_in_put_out_or_renamed_from_an_app() -> None:
    levels, usual = backstage(FACILITATOR).power_levels, power_levels(frozenset({ADA}))
    assert levels["users"] == {ADA: 50}
    assert [levels[key] for key in ("invite", "kick", "ban")] == [100] * 3
    assert levels["redact"] == 50
    assert levels["events"] == usual["events"] | {"m.room.name": 100}
    assert levels.keys() == usual.keys()


def test_backstage_is_called_after_its_group() -> None:
    room = backstage(FACILITATOR)
    assert (room.name, room.backstage_of, room.topic) == ("Maple room: facilitators", "Maple room", None)
    assert (room.join_rule, room.history_visibility, room.direct_to) == ("invite", "joined", None)
