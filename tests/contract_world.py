"""What a contract test needs around it: a homeserver with a bot that can die and start again, and other people on it.

Two worlds fit this: the fake one (tests/bridge) and the one on a real Synapse (tests/live).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from bridge.heard import Heard, InvitedUs, MembershipChanged, Message, StateChanged, Sync
from bridge.matrix.homeserver import CreateRoom, Homeserver, Invite, SetState
from facilitator.ids import EventId, MatrixRoomId, RoomId, UserId, new_id
from facilitator.rules.wanted_room import ENCRYPTION, power_levels

POLLS = 15
WAIT = timedelta(seconds=2)


class Other(Protocol):
    """Somebody else, with a client of their own. Everything they may not do raises Rejected."""

    @property
    def user_id(self) -> UserId: ...
    async def join(self, room: MatrixRoomId) -> None: ...
    async def leave(self, room: MatrixRoomId) -> None: ...
    async def invite(self, room: MatrixRoomId, user: UserId) -> None: ...
    async def kick(self, room: MatrixRoomId, user: UserId) -> None: ...
    async def ban(self, room: MatrixRoomId, user: UserId) -> None: ...
    async def set_state(self, room: MatrixRoomId, type_: str, content: Mapping[str, Any]) -> None: ...

    async def say_in_clear(self, room: MatrixRoomId, body: str) -> EventId: ...

    async def sees(self, room: MatrixRoomId) -> list[EventId]:
        """The messages the homeserver gives them, oldest first, readable or not; hidden ones left out."""

    async def make_room(
        self, inviting: UserId, *, direct: bool, encrypted: bool, version: str = "12", trusting: bool = False
    ) -> MatrixRoomId:
        """`trusting`: whoever is invited may do there what its maker may."""

    async def use_unsigned_device(self) -> None:
        """From now on they have a device its owner has not signed, and no other."""


class ContractWorld(Protocol):
    async def start(self) -> Homeserver:
        """The bot's process, anew: same account, same device. What the one before knew in memory is gone."""

    async def start_beside(self) -> Homeserver:
        """Another process of the bot's, from a copy of its keys, while the first still runs."""

    async def other(self, name: str) -> Other: ...

    def lose_next_answer(self) -> None:
        """The next thing the bot asks is done, but its answer never comes."""

    async def sign_out(self) -> None:
        """The bot's access token is no longer good."""


def words(body: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body}


def step(**changes: Any) -> CreateRoom:
    """A group's room as the house makes it."""
    usual = CreateRoom(
        marker=RoomId(new_id()),
        name="Maple room",
        version="12",
        encryption=ENCRYPTION,
        join_rule="invite",
        history_visibility="joined",
        guest_access="forbidden",
        power_levels=power_levels(frozenset()),
    )
    return replace(usual, **changes)


def led_by(person: Other) -> CreateRoom:
    """A room whose facilitator this person is."""
    return step(power_levels=power_levels(frozenset({person.user_id})))


async def ready_room(bot: Homeserver, room: CreateRoom) -> MatrixRoomId:
    """Made, and seen to be encrypted: it can be spoken in."""
    return (await bot.look(await bot.create(room))).room


async def with_people(bot: Homeserver, *people: Other, room: CreateRoom | None = None) -> MatrixRoomId:
    """A room these people have joined, as the bot has seen."""
    place = await ready_room(bot, room or step())
    for person in people:
        await bot.take(Invite(place, person.user_id))
        await person.join(place)
    return (await bot.look(place)).room


@dataclass
class Ear:
    """Hears as the listener does: cursor in, cursor out."""

    bot: Homeserver
    cursor: str | None = None
    came_and_went: dict[MatrixRoomId, str] = field(default_factory=dict)
    """What was told of the bot's own membership."""

    async def begin(self) -> "Ear":
        await self.once(timedelta(0))
        return self

    async def once(self, wait: timedelta = WAIT) -> Sync:
        sync = await self.bot.listen(self.cursor, wait=wait)
        self.cursor = sync.next_batch
        self.came_and_went |= sync.ours
        return sync

    async def all_in(self, room: MatrixRoomId) -> list[Heard]:
        """Everything that has happened in the room until now: a mark of our own is put behind it and listened for."""
        await self.bot.take(SetState(room, "m.room.topic", {"topic": new_id()}))
        heard: list[Heard] = []
        for _ in range(POLLS):
            heard += [event for event in (await self.once()).events if event.room == room]
            if heard and isinstance(heard[-1], StateChanged) and heard[-1].type == "m.room.topic":
                return heard[:-1]
        raise AssertionError("the mark was never heard")

    async def changes_in(self, room: MatrixRoomId) -> list[tuple[UserId, str, UserId]]:
        """Who became what by whom."""
        heard = await self.all_in(room)
        return [(e.user, e.membership, e.sender) for e in heard if isinstance(e, MembershipChanged)]

    async def messages_in(self, room: MatrixRoomId) -> list[Message]:
        return [event for event in await self.all_in(room) if isinstance(event, Message)]

    async def invitation(self, room: MatrixRoomId) -> InvitedUs:
        for _ in range(POLLS):
            for invitation in (await self.once()).invitations:
                if invitation.room == room:
                    return invitation
        raise AssertionError("the invitation was never heard")

    async def own_standing(self, room: MatrixRoomId) -> str:
        """What became of the bot in this room."""
        for _ in range(POLLS):
            sync = await self.once()
            if sync.ours.get(room, "join") != "join":
                return sync.ours[room]
        raise AssertionError("nothing became of us")
