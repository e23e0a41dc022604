"""What the bridge hears, in our own words. Matrix's events become these values in `matrix/events.py`.

Bodies live only as long as the transaction that handles them: they are never stored and never logged, so the
fields that carry them stay out of `repr`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from facilitator.ids import EventId, MatrixRoomId, UserId


@dataclass(frozen=True, kw_only=True)
class Event:
    """What every event has. `sent_at` is the sender's server's word, UTC."""

    room: MatrixRoomId
    event_id: EventId
    sender: UserId = field(repr=False)
    sent_at: datetime


@dataclass(frozen=True, kw_only=True)
class Message(Event):
    """Somebody wrote. `encrypted`: it came encrypted and was read. `bound`: the key that encrypted it belongs to a
    device of `sender` (a homeserver can forge `sender`, never this). `signed`: its owner has signed that device.
    """

    body: str = field(repr=False)
    msgtype: str = "m.text"
    encrypted: bool = True
    bound: bool = False
    signed: bool = False
    place: tuple[str, int] | None = field(default=None, repr=False)
    """Of one that came encrypted: its session and its number in it."""

    @property
    def cause(self) -> tuple[object, ...]:
        """What names these words for good, as the cause of whatever is done about them. A homeserver can bring the
        same encrypted ones again under another event id; their place in their session stays what it is."""
        return (self.event_id,) if self.place is None else (self.room, *self.place)


@dataclass(frozen=True, kw_only=True)
class MembershipChanged(Event):
    """`user` is now `membership` (invite, join, leave, ban, knock) in the room, by `sender`'s doing."""

    user: UserId = field(repr=False)
    membership: str
    before: str = "leave"

    @property
    def by_themselves(self) -> bool:
        return self.user == self.sender


@dataclass(frozen=True, kw_only=True)
class StateChanged(Event):
    """A piece of room state we look after was set; the reconciler looks again. `goes_on_in`: the room that
    has taken this one's place, as somebody says. `expected`: the echo of a step of ours whose outcome was seen, by its
    answer or by a look since. One that went through although no answer came is not, nor what somebody else did in our
    name."""

    type: str
    state_key: str = ""
    goes_on_in: MatrixRoomId | None = None
    expected: bool = False


@dataclass(frozen=True, kw_only=True)
class Unreadable(Event):
    """Came encrypted under a Megolm session whose key we do not hold (yet)."""

    session_id: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Undecipherable(Event):
    """An event so malformed that nothing can be made of it; counted, never handled."""


Heard = Message | MembershipChanged | StateChanged | Unreadable | Undecipherable


@dataclass(frozen=True)
class InvitedUs:
    """Somebody invited the bot to a room."""

    room: MatrixRoomId
    sender: UserId = field(repr=False)
    direct: bool = False
    encrypted: bool = False
    """What the invitation's stripped state shows; a room that does not say is taken as not encrypted."""


@dataclass(frozen=True)
class Sync:
    """One answer of the homeserver: everything new since the cursor, gaps filled, and the next cursor.

    `events` are in each room's own order. `keys_arrived` names sessions whose key came with this answer.
    `ours` is what became of the bot's own membership: room id → leave, ban, join (removed rooms among them).
    `identities`: the public master keys of people whose devices were asked for since the last answer.
    `devices_changed`: people whose devices, or whose signatures on them, are not what they were.
    """

    next_batch: str
    events: tuple[Heard, ...] = ()
    invitations: tuple[InvitedUs, ...] = ()
    keys_arrived: frozenset[tuple[MatrixRoomId, str]] = frozenset()
    ours: Mapping[MatrixRoomId, str] = field(default_factory=dict)
    identities: Mapping[UserId, str] = field(default_factory=dict, repr=False)
    devices_changed: frozenset[UserId] = field(default=frozenset(), repr=False)
