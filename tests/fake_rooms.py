"""Rooms as Matrix keeps them, in memory: state, power, membership, and who may see what.

What is refused here is refused by Synapse too, under the same code; `tests/homeserver_contract.py` holds both to it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any

from bridge.matrix.homeserver import Rejected, Tombstone
from facilitator.ids import EventId, MatrixRoomId, UserId

ENCRYPTED = "m.room.encrypted"
MESSAGE = "m.room.message"
NONSENSE = "m.nonsense"
REDACTION = "m.room.redaction"


@dataclass(frozen=True)
class Sealed:
    """How a message was encrypted: under which session, as its how-many-eth, and what the sender's device was."""

    session: str
    index: int
    bound: bool = True
    signed: bool = True


@dataclass(frozen=True, kw_only=True)
class FakeEvent:
    """`inside`: who was joined just before or just after, which is who may ever see it where history is `joined`."""

    position: int
    event_id: EventId
    room: MatrixRoomId
    type: str
    sender: UserId = field(repr=False)
    sent_at: datetime
    content: Mapping[str, Any] = field(repr=False)
    state_key: str | None = None
    before: str = "leave"
    history: str = "shared"
    inside: frozenset[UserId] = field(default=frozenset(), repr=False)
    sealed: Sealed | None = field(default=None, repr=False)


@dataclass
class FakeRoom:
    """One room. Whoever calls has been let in as `sender` already; what they may do is decided here."""

    room: MatrixRoomId
    creators: frozenset[UserId]
    events: list[FakeEvent] = field(default_factory=list)
    state: dict[tuple[str, str], FakeEvent] = field(default_factory=dict)
    redacted: set[EventId] = field(default_factory=set)

    def value(self, type_: str, key: str) -> Any:
        event = self.state.get((type_, ""))
        return None if event is None else event.content.get(key)

    def content(self, type_: str) -> Mapping[str, Any]:
        event = self.state.get((type_, ""))
        return {} if event is None else event.content

    @property
    def predecessor(self) -> MatrixRoomId | None:
        room = self.content("m.room.create").get("predecessor", {}).get("room_id")
        return MatrixRoomId(room) if room else None

    @property
    def tombstone(self) -> Tombstone | None:
        event = self.state.get(("m.room.tombstone", ""))
        if event is None or not event.content:
            return None
        return Tombstone(event.content.get("replacement_room"), event.sender)

    def membership(self, user: UserId) -> str:
        event = self.state.get(("m.room.member", user))
        return "leave" if event is None else str(event.content["membership"])

    def members(self) -> dict[UserId, str]:
        return {UserId(key): self.membership(UserId(key)) for kind, key in self.state if kind == "m.room.member"}

    def joined(self) -> frozenset[UserId]:
        return frozenset(user for user, membership in self.members().items() if membership == "join")

    @property
    def encryption(self) -> Mapping[str, Any] | None:
        event = self.state.get(("m.room.encryption", ""))
        return None if event is None or not event.content else event.content

    # ------------------------------------------------------------------------------------------- power

    @property
    def levels(self) -> Mapping[str, Any]:
        event = self.state.get(("m.room.power_levels", ""))
        return {} if event is None else event.content

    def power(self, user: UserId) -> float:
        """Creators stand above every number (room version 12, MSC4289)."""
        if user in self.creators:
            return inf
        return float(self.levels.get("users", {}).get(user, self.levels.get("users_default", 0)))

    def needs(self, type_: str, *, state: bool) -> float:
        usual = self.levels.get("state_default", 50) if state else self.levels.get("events_default", 0)
        return float(self.levels.get("events", {}).get(type_, usual))

    def require(self, sender: UserId, level: float) -> None:
        if self.membership(sender) != "join" or self.power(sender) < level:
            raise Rejected("M_FORBIDDEN")

    def check_state(self, sender: UserId, type_: str, content: Mapping[str, Any]) -> None:
        self.require(sender, self.needs(type_, state=True))
        if type_ == "m.room.power_levels":
            check_levels(content, self.creators)
            if any(level > self.power(sender) for level in changed_levels(self.levels, content)):
                raise Rejected("M_FORBIDDEN")

    # ------------------------------------------------------------------------------------------- membership

    def check_membership(self, sender: UserId, user: UserId, membership: str) -> None:
        """The auth rules of m.room.member, as far as these rooms need them."""
        present = self.membership(user)
        if sender == user:
            return self._check_own(user, present, membership)
        if membership == "invite":
            self.require(sender, self.levels.get("invite", 0))
            if present == "ban":
                raise Rejected("M_BAD_STATE")
            if present == "join":
                raise Rejected("M_FORBIDDEN")
        elif membership == "ban" or present == "ban":
            self._require_over(sender, user, self.levels.get("ban", 50))
        else:
            self._require_over(sender, user, self.levels.get("kick", 50))
            if present == "leave":
                raise Rejected("M_FORBIDDEN")
        return None

    def _check_own(self, user: UserId, present: str, membership: str) -> None:
        open_ = self.value("m.room.join_rules", "join_rule") == "public"
        knocking = self.value("m.room.join_rules", "join_rule") == "knock"
        allowed = {
            "join": present in ("invite", "join") or (open_ and present != "ban"),
            "leave": present in ("invite", "join", "knock"),
            "knock": knocking and present == "leave",
        }
        if not allowed.get(membership, False):
            raise Rejected("M_BAD_STATE" if present == "ban" else "M_FORBIDDEN")

    def _require_over(self, sender: UserId, user: UserId, level: float) -> None:
        self.require(sender, level)
        if self.power(user) >= self.power(sender):
            raise Rejected("M_FORBIDDEN")

    # ------------------------------------------------------------------------------------------- seeing

    def sees(self, user: UserId, event: FakeEvent) -> bool:
        if event.history == "joined":
            return user in event.inside
        return user in event.inside or self.membership(user) == "join"

    def seen_by(self, user: UserId, *, after: int = 0) -> Iterator[FakeEvent]:
        return (event for event in self.events if event.position > after and self.sees(user, event))


def check_levels(content: Mapping[str, Any], creators: frozenset[UserId]) -> None:
    if creators & set(content.get("users", {})):
        raise Rejected("M_UNKNOWN")


def changed_levels(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[float]:
    """Every level that is added, taken away or changed: nobody may touch one above their own."""
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if isinstance(one, Mapping) or isinstance(other, Mapping):
            yield from changed_levels(one or {}, other or {})
        elif one != other:
            yield from (float(level) for level in (one, other) if level is not None)
