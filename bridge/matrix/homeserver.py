"""What we ask of a homeserver, in our own words. `client.py` keeps this with matrix-nio; the tests' in-memory
homeserver keeps it too, and one contract suite holds both to it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Protocol

from bridge.counts import Counts
from bridge.heard import Heard, InvitedUs, Sync
from facilitator.ids import ActId, EventId, MatrixRoomId, RoomId, UserId
from facilitator.rules.reach import Reach
from facilitator.rules.server_acl import EVERYBODY

MARKER_KEY = "io.hearth.room"
"""Where our room id stands in `creation_content`: how a room is found again after a crash (createRoom has no
transaction id). It says nothing of what the room is for."""

ACT_KEY = "io.hearth.act"
"""Where an act's id stands inside the encrypted content, so that a send of unknown outcome can be looked for."""


class HomeserverError(Exception):
    """The homeserver did not do what we asked."""


class TryLater(HomeserverError):
    """Not now: rate limit, 5xx, no connection. `after` is the wait the server asked for, or our own."""

    def __init__(self, why: str, after: timedelta) -> None:
        super().__init__(why)
        self.why, self.after = why, after


class SlowDown(TryLater):
    """Rate limited (429, M_LIMIT_EXCEEDED); `after` is the wait the server asked for."""


class NotYet(SlowDown):
    """As SlowDown, but the homeserver was not even asked: it would have said no."""


class TheirFault(TryLater):
    """The homeserver answered with a fault of its own (5xx), or could not reach another server for us."""


class NoAnswer(TryLater):
    """The homeserver took the request and gave no answer in time: it, or another server that it asks for us."""


class Rejected(HomeserverError):
    """It will say no again. `code` is Matrix's error code (M_FORBIDDEN, M_NOT_FOUND …), `why` never holds a name."""

    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(code)
        self.code, self.why = code, why


class CannotTell(HomeserverError):
    """Whether an act was said is not known: these own words since its first try cannot be read (another device, whose
    keys are gone, said them, or they were hidden). `whole`: there are no others further back."""

    def __init__(self, unread: Collection[EventId], *, whole: bool) -> None:
        super().__init__("own words unread")
        self.unread, self.whole = frozenset(unread), whole


class SignedOut(HomeserverError):
    """Our access token is no longer good (M_UNKNOWN_TOKEN). Nothing is retried: a person has to act."""


class Overtaken(SignedOut):
    """Our keys are not the latest of this device: an old copy was put back, or another process runs with a copy."""


class Urgency(IntEnum):
    """What goes first where the homeserver lets little through: the lower."""

    HELP = 0
    SAFETY = 1
    REPLY = 2
    REMINDER = 3
    WELCOME = 4
    PROVISIONING = 5
    UPKEEP = 6


@dataclass(frozen=True)
class SetBy:
    """Who set a piece of state, and with which event."""

    user: UserId = field(repr=False)
    event_id: EventId


@dataclass(frozen=True)
class Tombstone:
    """The room is closed, and goes on elsewhere if it says where. `by` is its sender's word, not yet believed."""

    replacement: MatrixRoomId | None
    by: UserId = field(repr=False)


@dataclass(frozen=True)
class FoundRoom:
    """A room as it is, read from its current state. Absent state is None; contents are as Matrix has them."""

    room: MatrixRoomId
    version: str
    creators: frozenset[UserId] = field(repr=False)
    """Whom no power level binds; nobody before room version 12."""
    made_by: UserId | None = field(repr=False)
    """Who sent the create event, in every version: whose room it is."""
    marker: RoomId | None
    name: str | None = field(repr=False)
    topic: str | None = field(repr=False)
    join_rule: str | None
    history_visibility: str | None
    guest_access: str | None
    encryption: Mapping[str, Any] | None
    power_levels: Mapping[str, Any] = field(repr=False)
    members: Mapping[UserId, str] = field(repr=False)
    """user → membership: join, invite, leave, ban, knock."""
    server_acl: Mapping[str, Any] | None = field(default=None, repr=False)
    set_by: Mapping[str, SetBy] = field(default_factory=dict, repr=False)
    """Of each piece of state (state key "") of the room."""
    predecessor: MatrixRoomId | None = None
    """The room this one says it goes on from."""
    tombstone: Tombstone | None = None


@dataclass(frozen=True)
class CreateRoom:
    """The body of createRoom is complete: version, state, power. Never invitees."""

    marker: RoomId
    name: str = field(repr=False)
    version: str
    encryption: Mapping[str, Any]
    join_rule: str
    history_visibility: str
    guest_access: str
    power_levels: Mapping[str, Any] = field(repr=False)
    server_acl: Mapping[str, Any] = field(default_factory=EVERYBODY.content, repr=False)
    additional_creators: tuple[UserId, ...] = field(default=(), repr=False)
    direct_to: UserId | None = field(default=None, repr=False)
    predecessor: MatrixRoomId | None = None
    """The room it goes on from: part of how it is found again."""


@dataclass(frozen=True)
class SetState:
    """Put a piece of state (state key "") back to what it should be. Repeating it changes nothing."""

    room: MatrixRoomId
    type: str
    content: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Invite:
    room: MatrixRoomId
    user: UserId = field(repr=False)


@dataclass(frozen=True)
class Remove:
    """Kick, or withdraw an invitation."""

    room: MatrixRoomId
    user: UserId = field(repr=False)
    reason: str = field(default="", repr=False)


Step = CreateRoom | SetState | Invite | Remove


@dataclass(frozen=True)
class KnownRoom:
    """A room of ours as the database remembers it: enough to speak in it right after a restart.

    `all_devices`: key shares go to unsigned devices too (the bot's direct room with one person).
    """

    room: MatrixRoomId
    encryption: Mapping[str, Any]
    all_devices: bool = False
    history_visibility: str = "joined"


@dataclass(frozen=True)
class Sent:
    """A message is in the room. `withheld`: people some of whose devices got no key since the last send, because
    their owner has not signed them. `reached`: how far its key came with each person who has joined."""

    event_id: EventId
    withheld: frozenset[UserId] = field(default=frozenset(), repr=False)
    reached: Mapping[UserId, Reach] = field(default_factory=dict, repr=False)


class Homeserver(Protocol):
    """Every method raises TryLater, Rejected or SignedOut, and nothing else of the client's own."""

    @property
    def user_id(self) -> UserId: ...

    @property
    def device_id(self) -> str:
        """Transaction ids are remembered for each device by itself."""

    async def listen(self, since: str | None, *, wait: timedelta) -> Sync:
        """What is new since the cursor, gaps filled from /messages, at most `wait` later. With None: from now on.
        Asking again with the same cursor gives the same events again. Our own words, reactions and edits are not
        among them. One-time and fallback keys are kept up, and due device queries made, before it returns. A key may
        have come with an answer whose effects were never stored, in a process that died: after a start, whatever
        still stands unread deserves one `read_again`."""

    def remember(self, rooms: Iterable[KnownRoom]) -> None:
        """Make rooms known without asking the homeserver."""

    @property
    def room_version(self) -> str:
        """The newest version up to 12 that this homeserver makes rooms of."""

    async def has_account(self, user: UserId) -> bool:
        """Whether there is such a person. A server that does not tell is believed to have them."""

    async def answers(self, user: UserId) -> bool:
        """Whether this person's server says anything just now. An invitation to one that does not keeps whoever else
        comes into that room waiting at ours; this keeps nobody."""

    async def find(self, marker: RoomId, *, follows: MatrixRoomId | None = None) -> MatrixRoomId | None:
        """The joined room of our making whose creation content carries this marker, and names as its predecessor the
        room it `follows`, or none. Scans joined rooms once per start and remembers; rooms created here are added."""

    async def joined(self) -> frozenset[MatrixRoomId]:
        """Every room we are in, of whoever's making."""

    async def look(self, room: MatrixRoomId) -> FoundRoom:
        """The room's whole current state. Rejected("M_NOT_FOUND" or "M_FORBIDDEN") when we are not in it."""

    async def create(self, step: CreateRoom) -> MatrixRoomId:
        """Make a room. Whether it came out encrypted is not known before it is looked at, or heard: nothing can be said
        in it until then."""

    async def take(self, step: SetState | Invite | Remove) -> None:
        """Safe to repeat: inviting who is there already, or removing who is gone, is not an error."""

    async def invitations(self) -> tuple[InvitedUs, ...]:
        """Every invitation of ours that stands open, however long. What `listen` gives next stays as it is."""

    async def accept(self, room: MatrixRoomId, *, via: Sequence[str] = ()) -> None:
        """Join a room we were invited to, or may join. `via`: servers that are in it; its id names none."""

    async def decline(self, room: MatrixRoomId) -> None:
        """Decline an invitation, or leave."""

    async def send(
        self,
        room: MatrixRoomId,
        act: ActId,
        content: Mapping[str, Any],
        *,
        urgency: Urgency = Urgency.REPLY,
        not_after: datetime | None = None,
    ) -> Sent:
        """Send an encrypted m.room.message under the act's id as transaction id, the id inside the content too.
        Where the homeserver lets little through, the more urgent goes first, of equals the one that expires sooner.
        Refuses (Rejected "HEARTH_NOT_ENCRYPTED") in a room not known to be encrypted."""

    async def reach(self, rooms: Collection[MatrixRoomId]) -> Mapping[MatrixRoomId, Mapping[UserId, Reach]]:
        """Who of those who have joined could read what we said there now, without saying anything: one question for
        everybody's devices. Rooms that are not known to be encrypted, or that we are not in, are left out."""

    async def share_soon(self, rooms: Collection[MatrixRoomId], *, margin: timedelta = timedelta()) -> None:
        """Do now, for all these rooms in few requests, what the next message in each would have to do before it is
        said: have its key with everybody. A key that would be worn out within `margin` is made anew. Rooms that cannot
        be spoken in are left out; what fails is left to the message, and nothing is raised. Whom a key is withheld from
        is told by the next `Sent` all the same."""

    async def find_sent(
        self, room: MatrixRoomId, act: ActId, *, since: str | None = None, tried: datetime | None = None
    ) -> EventId | None:
        """Look through the room's recent history (bounded) for our own message that carries this act's id. `tried`:
        when it was first tried; then what cannot be answered for sure since then is CannotTell."""

    async def redact(self, room: MatrixRoomId, event_id: EventId, act: ActId) -> None: ...

    async def read_again(self, room: MatrixRoomId, events: Collection[EventId]) -> tuple[Heard, ...]:
        """Fetch and decrypt events that could not be read before; those still unreadable come back as Unreadable."""

    async def is_signed(self) -> bool:
        """Whether the server still shows our device signed by our identity. What /readyz asks."""

    async def has_our_identity(self) -> bool:
        """Whether the server still shows the identity we made, and no other in its place."""

    async def keep_up(self) -> None:
        """Say, when it is time to, that this process holds the account; a start says it too. Raises Overtaken when
        another process has said so since."""

    @property
    def counts(self) -> Counts: ...

    async def close(self) -> None: ...
