"""What a share of a room's key is made of: who it is for, what each gets, and what came of it.

Apart from the sharing itself, so that its steps can be read one after another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.matrix.hardened import Device
from bridge.matrix.known import Room
from bridge.matrix.late_keys import PastSession
from bridge.matrix.our_sessions import OurSession
from bridge.matrix.ratchets import OlmDevice
from facilitator.ids import MatrixRoomId, UserId
from facilitator.rules.reach import Reach


@dataclass(frozen=True)
class Recipients:
    given: dict[Device, OlmDevice] = field(repr=False)
    withheld: dict[Device, OlmDevice] = field(repr=False)


@dataclass(frozen=True)
class Gift:
    """The key of a session, and the devices that are to have it."""

    room: MatrixRoomId
    session: OurSession | PastSession = field(repr=False)
    devices: Mapping[Device, OlmDevice] = field(repr=False)

    @property
    def lacking(self) -> dict[Device, OlmDevice]:
        has = self.session.users_shared_with
        return {name: device for name, device in self.devices.items() if name not in has}


@dataclass(frozen=True)
class Share:
    """One room's part of a common share."""

    room: Room
    joined: set[str] = field(repr=False)
    recipients: Recipients
    session: OurSession = field(repr=False)


@dataclass(frozen=True)
class Shared:
    """What came of a share. `withheld`: people some of whose devices were now refused the key and told so.
    `reached`: how far the key has come with everybody who has joined."""

    withheld: frozenset[UserId] = field(repr=False)
    reached: Mapping[UserId, Reach] = field(repr=False)
