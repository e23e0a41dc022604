"""What a room of ours should be, complete with power levels. Pure, so that every clause can be tested in a line."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from facilitator.ids import RoomId, UserId
from facilitator.rules import names
from facilitator.rules.life import KeptBy
from facilitator.rules.server_acl import EVERYBODY, ServerAcl

ROOM_VERSION = "12"
FIRST_WITH_CREATORS = 12
"""From this version on who made a room stands above every power level (MSC4289)."""
ENCRYPTION: Mapping[str, Any] = {
    "algorithm": "m.megolm.v1.aes-sha2",
    "rotation_period_ms": 604_800_000,
    "rotation_period_msgs": 100,
}
FACILITATOR_POWER, KEEPER_POWER = 50, 100


@dataclass(frozen=True)
class WantedRoom:
    """A room as it should be. `people` are to be asked in; `unwelcome` should not be there; all others are left alone.

    `bot`: the account that looks after it.

    `until`: when this stops holding by itself and wants computing again (None: until something changes).
    `house`: accounts of ours and the recovery account, whose servers are never shut out.
    `all_devices`: the bot's words go to unsigned devices too (its direct room with one person).
    `backstage_of`: the name of the group whose facilitators it is for.
    """

    marker: RoomId
    revision: int
    name: str = field(repr=False)
    power_levels: Mapping[str, Any] = field(repr=False)
    people: frozenset[UserId] = field(repr=False)
    unwelcome: frozenset[UserId] = field(default=frozenset(), repr=False)
    topic: str | None = field(default=None, repr=False)
    version: str = ROOM_VERSION
    encryption: Mapping[str, Any] = field(default_factory=lambda: ENCRYPTION)
    join_rule: str = "invite"
    history_visibility: str = "joined"
    guest_access: str = "forbidden"
    server_acl: ServerAcl = EVERYBODY
    house: frozenset[UserId] = field(default=frozenset(), repr=False)
    known: frozenset[UserId] | None = field(default=None, repr=False)
    """Who may be there; None: whoever is."""
    additional_creators: tuple[UserId, ...] = field(default=(), repr=False)
    bot: UserId | None = field(default=None, repr=False)
    direct_to: UserId | None = field(default=None, repr=False)
    backstage_of: str | None = field(default=None, repr=False)
    language: str = "en"
    until: datetime | None = None
    kept_by: KeptBy | None = None
    """Of a room the bot is about to leave: who keeps it then. None: it stays."""

    @property
    def all_devices(self) -> bool:
        return self.direct_to is not None


@dataclass(frozen=True)
class Person:
    """Somebody as the database has them. `standing`: facilitator, recovery (the account), invited, joined, left or
    removed; or resting: a facilitator whose account is disabled for now."""

    user_id: UserId = field(repr=False)
    standing: str


def group_room(
    room: RoomId,
    revision: int,
    *,
    name: str,
    people: tuple[Person, ...],
    waiting: frozenset[UserId] = frozenset(),
    recovery: UserId | None = None,
) -> WantedRoom:
    """The room of a group: its facilitators and members in it, who was removed not. Who left is neither invited nor put
    out here: a facilitator may just have asked them back in their own app. `waiting`: who is not to be asked (now).
    """
    asked = frozenset(p.user_id for p in people if p.standing in ("facilitator", "recovery", "invited"))
    facilitators = frozenset(p.user_id for p in people if p.standing == "facilitator")
    return WantedRoom(
        marker=room,
        revision=revision,
        name=name,
        power_levels=power_levels(facilitators),
        people=asked - waiting,
        unwelcome=frozenset(p.user_id for p in people if p.standing == "removed") - facilitators,
        known=frozenset(p.user_id for p in people if p.standing not in ("left", "removed")),
        additional_creators=(recovery,) if recovery else (),
    )


def backstage_room(
    room: RoomId,
    revision: int,
    *,
    group: str,
    people: tuple[Person, ...],
    waiting: frozenset[UserId] = frozenset(),
) -> WantedRoom:
    """The room of those who run a group, and of nobody else: whose account rests for now is put out. Who runs a group
    is said in the panel alone, so nobody is asked in or put out from an app, and its name follows the group's.
    """
    running = frozenset(p.user_id for p in people if p.standing == "facilitator")
    recovery = tuple(p.user_id for p in people if p.standing == "recovery")
    levels = power_levels(running)
    return WantedRoom(
        marker=room,
        revision=revision,
        name=names.of_backstage(group),
        power_levels={
            **levels,
            **dict.fromkeys(("invite", "kick", "ban"), KEEPER_POWER),
            "events": {**levels["events"], "m.room.name": KEEPER_POWER},
        },
        people=frozenset((*running, *recovery)) - waiting,
        unwelcome=frozenset(p.user_id for p in people) - {*running, *recovery},
        known=frozenset((*running, *recovery)),
        additional_creators=recovery,
        backstage_of=group,
    )


def last_room(found: WantedRoom, kept_by: KeptBy) -> WantedRoom:
    """The room of a group that is closed, before the bot leaves it: with nobody in it any more, or run by the group's
    facilitators, as far as whoever made it could. Nobody is asked in any more."""
    facilitators = frozenset(found.power_levels["users"])
    left_to_them = power_levels(facilitators, keepers=True)
    levels = left_to_them if kept_by is KeptBy.MEMBERS else found.power_levels
    return replace(found, people=frozenset(), unwelcome=frozenset(), power_levels=levels, kept_by=kept_by, until=None)


def direct_room(room: RoomId, revision: int, *, name: str, person: UserId, asked: bool = False) -> WantedRoom:
    """The bot's room with one person. `asked`: they have been; whether they come or stay is theirs to decide."""
    return WantedRoom(
        marker=room,
        revision=revision,
        name=name,
        power_levels=power_levels(frozenset()),
        people=frozenset() if asked else frozenset({person}),
        direct_to=person,
    )


def power_levels(facilitators: frozenset[UserId], *, keepers: bool = False) -> dict[str, Any]:
    """The complete map: what a room's map omits drops to `state_default`, the tombstone included (Matrix v1.16,
    m.room.power_levels). Creators stand above every number and must not be in `users` (room version 12, MSC4289).
    `keepers`: the facilitators run the room by themselves, and nothing in it asks for more power than they have.
    """
    return {
        "users": dict.fromkeys(sorted(facilitators), KEEPER_POWER if keepers else FACILITATOR_POWER),
        "users_default": 0,
        "events_default": 0,
        "state_default": 100,
        "invite": 50,
        "kick": 50,
        "ban": 50,
        "redact": 50,
        "notifications": {"room": 50},
        "events": {
            "m.room.avatar": 100,
            "m.room.canonical_alias": 100,
            "m.room.encryption": 100,
            "m.room.guest_access": 100,
            "m.room.history_visibility": 100,
            "m.room.join_rules": 100,
            "m.room.name": 50,
            "m.room.pinned_events": 50,
            "m.room.power_levels": 100,
            "m.room.server_acl": 100,
            "m.room.tombstone": KEEPER_POWER if keepers else 150,
            "m.room.topic": 100,
            "org.matrix.msc3401.call.member": 0,
            "org.matrix.msc4143.rtc.member": 0,
            "m.rtc.member": 0,
        },
    }
