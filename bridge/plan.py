"""Wanted room × found room → the steps that are left, as data that reads aloud. Pure, so that "plan, take, plan again:
nothing left" can be held against thousands of rooms.

Whose word wins (docs/architecture.md): the database's on name, topic, rules and power; nobody's against encryption;
a facilitator's on a ban. Creators (the bot, the recovery account) stand above power and are never removed.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from bridge.matrix.homeserver import CreateRoom, FoundRoom, Invite, Remove, SetState, Step
from facilitator.ids import UserId
from facilitator.rules.life import KeptBy
from facilitator.rules.server_acl import ServerAcl
from facilitator.rules.user_id import server_of
from facilitator.rules.wanted_room import FIRST_WITH_CREATORS, WantedRoom

HIGHEST = 100
"""What a room gives its keepers where none stands above every number."""

ENCRYPTION = "m.room.encryption"
ROTATION = {"rotation_period_ms": 604_800_000, "rotation_period_msgs": 100}
"""What a room that does not say means (Matrix v1.16, m.room.encryption)."""

LEVELS: Mapping[str, Any] = {
    "users_default": 0,
    "events_default": 0,
    "state_default": 50,
    "invite": 0,
    "kick": 50,
    "ban": 50,
    "redact": 50,
    "users": {},
    "events": {},
    "notifications": {},
}
"""What a power map that does not say means (Matrix v1.16, m.room.power_levels)."""


@dataclass(frozen=True)
class Obstacle:
    """Something no step can mend. `code`: `banned` (a person who should be in the room), `creator` (a person who
    should not, but whom the bot cannot remove), `other_version`, `no_recovery` (a creator the room should have had),
    `no_power` (the bot may not do there what it should).
    """

    code: str
    user: UserId | None = field(default=None, repr=False)


def plan(wanted: WantedRoom, found: FoundRoom | None) -> tuple[Step, ...]:
    """What is to be done so that the room becomes what it should be; nothing when it is.

    An unencrypted room gets encryption and nothing else: nobody is invited until it has been seen. Rights and
    rules come before names, and all of them before people: whoever joins finds the room as it should be. What the bot
    has no right to is not tried: `obstacles` names it.
    """
    if found is None:
        return (_creation(wanted),)
    return tuple(step for step in _steps(wanted, found) if _may(wanted, found, step))


def _steps(wanted: WantedRoom, found: FoundRoom) -> tuple[SetState | Invite | Remove, ...]:
    if wanted.kept_by is not None:
        return tuple(_last_steps(wanted, found))
    if not _encrypted(wanted, found):
        return (SetState(found.room, ENCRYPTION, dict(wanted.encryption)),)
    return (
        *_rotation(wanted, found),
        *_rights(wanted, found),
        *_servers(wanted, found),
        *_drift(wanted, found),
        *_people(wanted, found),
    )


def _last_steps(wanted: WantedRoom, found: FoundRoom) -> Iterator[SetState | Remove]:
    """Before the bot leaves: the room is left to its keepers, or nobody is in it. Those who run it go last, so that
    there is somebody to ask as long as anybody is there."""
    if wanted.kept_by is KeptBy.MEMBERS:
        yield from _rights(wanted, found)
        return
    keepers = wanted.house | found.creators | ({wanted.bot} if wanted.bot else set())
    inside = [user for user in found.members if _is_in(found, user) and user not in keepers]
    for user in sorted(inside, key=lambda user: (power_of(found, user), user)):
        yield Remove(found.room, user)


def with_invited(found: FoundRoom, invitations: Collection[Invite]) -> FoundRoom:
    """The room as another look would show it, once the homeserver has taken these invitations and nothing else was
    done. What others did meanwhile is heard."""
    return replace(found, members={**found.members, **{step.user: "invite" for step in invitations}})


def obstacles(wanted: WantedRoom, found: FoundRoom) -> tuple[Obstacle, ...]:
    """What stands between the room and what it should be although the plan is empty.

    A ban was a facilitator's word in their own client: it is left alone, for membership handling to record.
    """
    banned = [Obstacle("banned", user) for user in sorted(wanted.people) if found.members.get(user) == "ban"]
    over_us = [user for user in sorted(wanted.unwelcome - wanted.people) if not _may_remove(wanted, found, user)]
    inside = [Obstacle("creator", user) for user in over_us if _is_in(found, user)]
    version = [Obstacle("other_version")] if _number(found.version) < _number(wanted.version) else []
    missing = [user for user in wanted.additional_creators if user not in found.creators and not below_creators(found)]
    steps = [step for step in _steps(wanted, found) if not isinstance(step, Remove)]
    power = [Obstacle("no_power")] if not all(_may(wanted, found, step) for step in steps) else []
    return (*version, *(Obstacle("no_recovery", user) for user in missing), *power, *banned, *inside)


def _creation(wanted: WantedRoom) -> CreateRoom:
    has_creators = _number(wanted.version) >= FIRST_WITH_CREATORS
    keepers = {*wanted.additional_creators, *([wanted.bot] if wanted.bot else [])}
    return CreateRoom(
        marker=wanted.marker,
        name=wanted.name,
        version=wanted.version,
        encryption=wanted.encryption,
        join_rule=wanted.join_rule,
        history_visibility=wanted.history_visibility,
        guest_access=wanted.guest_access,
        power_levels=_levels(wanted, frozenset(keepers if has_creators else ())),
        server_acl=_acl(wanted, wanted.additional_creators).content(),
        additional_creators=wanted.additional_creators if has_creators else (),
        direct_to=wanted.direct_to,
    )


def _encrypted(wanted: WantedRoom, found: FoundRoom) -> bool:
    """Under an algorithm that is not ours we could neither read nor speak: to us it is not encrypted."""
    return found.encryption is not None and found.encryption.get("algorithm") == wanted.encryption["algorithm"]


def _rotation(wanted: WantedRoom, found: FoundRoom) -> Iterator[SetState]:
    """Keys may change more often than we ask, never more rarely: encryption is not lowered, by others or by us, so
    each period becomes the shorter of the two and whatever else stands there (MSC4362) stays."""
    present = dict(found.encryption or {})
    kept = {name: _shorter(present.get(name, usual), wanted.encryption[name]) for name, usual in ROTATION.items()}
    if any(present.get(name, usual) != kept[name] for name, usual in ROTATION.items()):
        yield SetState(found.room, ENCRYPTION, present | kept)


def _shorter(present: object, wanted: int) -> int:
    return min(present, wanted) if type(present) is int and present > 0 else wanted


def _rights(wanted: WantedRoom, found: FoundRoom) -> Iterator[SetState]:
    levels = _within_reach(wanted, found, _levels(wanted, found.creators))
    if _effective(levels, levels) != _effective(found.power_levels, levels):
        yield SetState(found.room, "m.room.power_levels", levels)


def _levels(wanted: WantedRoom, creators: frozenset[UserId]) -> dict[str, Any]:
    """Creators must not stand in the map: the whole map would be refused (room version 12, MSC4289). Where the bot or
    the recovery account is none, a hundred is what they have, and nothing may ask for more."""
    levels, us = wanted.power_levels, {wanted.bot} if wanted.bot else set()
    keepers = (us | set(wanted.additional_creators)) - creators
    users = {user: level for user, level in levels.get("users", {}).items() if user not in creators}
    users |= dict.fromkeys(sorted(keepers), HIGHEST)
    events = {kind: min(level, HIGHEST) if us & keepers else level for kind, level in levels.get("events", {}).items()}
    return {**levels, "users": users, "events": events}


def _within_reach(wanted: WantedRoom, found: FoundRoom, levels: dict[str, Any]) -> dict[str, Any]:
    """Nobody may touch a level above their own, or lower somebody as high as they are: those stay as they are."""
    if wanted.bot is None or wanted.bot in found.creators:
        return levels
    power = power_of(found, wanted.bot)
    users, events = (_numbers(found.power_levels.get(name)) for name in ("users", "events"))
    higher = {kind: level for kind, level in events.items() if level > power}
    equals = {user: level for user, level in users.items() if level >= power and user != wanted.bot}
    return {**levels, "events": levels["events"] | higher, "users": levels["users"] | equals}


def _numbers(said: object) -> dict[Any, int]:
    entries = said.items() if isinstance(said, Mapping) else ()
    return {name: level for name, level in entries if type(level) is int}


def power_of(found: FoundRoom, user: UserId) -> float:
    """By the rules of the room's version: creators stand above every number."""
    if user in found.creators:
        return inf
    users = found.power_levels.get("users")
    usual = found.power_levels.get("users_default", 0)
    return _level(users.get(user, usual) if isinstance(users, Mapping) else usual)


def needs(found: FoundRoom, type_: str) -> float:
    """What setting a piece of state takes."""
    events = found.power_levels.get("events")
    usual = found.power_levels.get("state_default", LEVELS["state_default"])
    return _level(events.get(type_, usual) if isinstance(events, Mapping) else usual)


def below_creators(found: FoundRoom) -> bool:
    """Whether the room's version is one in which nobody stands above the numbers."""
    return _number(found.version) < FIRST_WITH_CREATORS


def _level(said: object) -> float:
    """Old rooms may hold numbers as text."""
    try:
        return float(int(str(said)))
    except ValueError:
        return 0


def _number(version: str) -> int:
    return int(version) if version.isdecimal() else 0


def _may(wanted: WantedRoom, found: FoundRoom, step: SetState | Invite | Remove) -> bool:
    """Whether the bot has the right to it. A room that does not say who looks after it is looked after by its maker."""
    us = wanted.bot
    if us is None:
        return True
    match step:
        case SetState():
            return power_of(found, us) >= needs(found, step.type)
        case Invite():
            return power_of(found, us) >= _level(found.power_levels.get("invite", LEVELS["invite"]))
        case Remove():
            return _may_remove(wanted, found, step.user)


def _may_remove(wanted: WantedRoom, found: FoundRoom, user: UserId) -> bool:
    us = wanted.bot
    if us is None:
        return user not in found.creators
    power = power_of(found, us)
    return power >= _level(found.power_levels.get("kick", LEVELS["kick"])) and power > power_of(found, user)


def _effective(levels: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The map with its defaults written out, to compare by what it means. Keys that mean nothing to Matrix and are
    not ours (Synapse adds `historical`) do not count: putting them right would be a step without effect."""
    full = {name: levels.get(name, usual) for name, usual in LEVELS.items()}
    full |= {name: levels.get(name) for name in wanted if name not in LEVELS}
    if isinstance(full["users"], Mapping):
        usual = full["users_default"]
        full["users"] = {user: n for user, n in full["users"].items() if n != usual}
    if isinstance(full["notifications"], Mapping):
        full["notifications"] = {"room": 50, **full["notifications"]}
    return full


def _servers(wanted: WantedRoom, found: FoundRoom) -> Iterator[SetState]:
    keepers = found.creators | ({found.made_by} if found.made_by else set())
    acl = _acl(wanted, keepers).content()
    if _meaning(found.server_acl or {}) != _meaning(acl):
        yield SetState(found.room, "m.room.server_acl", acl)


def _acl(wanted: WantedRoom, keepers: Collection[UserId]) -> ServerAcl:
    """Never one that denies those who keep the room: nobody could mend it."""
    return wanted.server_acl.keeping(server_of(user) for user in {*wanted.house, *keepers})


def _meaning(acl: Mapping[str, Any]) -> tuple[object, ...]:
    """The order of its lists means nothing; what it does not say: nobody is allowed, addresses are."""
    lists = (acl.get("allow", []), acl.get("deny", []))
    named = [{name for name in names if isinstance(name, str)} if isinstance(names, list) else None for names in lists]
    return (*named, acl.get("allow_ip_literals", True))


def _drift(wanted: WantedRoom, found: FoundRoom) -> Iterator[SetState]:
    for type_, key, should_be, present in (
        ("m.room.join_rules", "join_rule", wanted.join_rule, found.join_rule),
        ("m.room.history_visibility", "history_visibility", wanted.history_visibility, found.history_visibility),
        ("m.room.guest_access", "guest_access", wanted.guest_access, found.guest_access),
        ("m.room.name", "name", wanted.name, found.name),
        ("m.room.topic", "topic", wanted.topic or "", found.topic or ""),
    ):
        if should_be != present:
            yield SetState(found.room, type_, {key: should_be})


def _people(wanted: WantedRoom, found: FoundRoom) -> Iterator[Invite | Remove]:
    """First who should not be there. Somebody wanted and unwelcome at once stays: kindness breaks the tie, and
    nobody is put out and asked back for ever."""
    for user in sorted(wanted.unwelcome - wanted.people - wanted.house - found.creators):
        if _is_in(found, user):
            yield Remove(found.room, user)
    for user in sorted(wanted.people):
        if found.members.get(user, "leave") in ("leave", "knock"):
            yield Invite(found.room, user)


def _is_in(found: FoundRoom, user: UserId) -> bool:
    return found.members.get(user) in ("join", "invite", "knock")
