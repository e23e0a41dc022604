"""A room as it is: its current state, read as values; and the one that carries a marker of ours, found again."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bridge.matrix.connection import Connection, needed, path
from bridge.matrix.homeserver import MARKER_KEY, FoundRoom, NoAnswer, Rejected, SetBy, TheirFault, Tombstone
from facilitator.ids import EventId, MatrixRoomId, RoomId, UserId
from facilitator.rules.user_id import server_of
from facilitator.rules.wanted_room import FIRST_WITH_CREATORS, ROOM_VERSION

AT_ONCE = 8
ANSWERS_WITHIN = timedelta(seconds=15)

State = dict[tuple[str, str], dict[str, Any]]
Origin = tuple[RoomId, MatrixRoomId | None]
"""What a room of ours was made for, and which room it goes on from."""


async def state_of(connection: Connection, room: MatrixRoomId, *, us: UserId) -> State:
    """type and state key → the event. Raises Rejected("M_FORBIDDEN") when we are not in the room: a homeserver
    still shows those who left what was there when they did."""
    answer = await connection.get_list(path("rooms", room, "state"))
    state = {(event["type"], event["state_key"]): event for event in answer if _is_state(event)}
    if _content(state, "m.room.member", us).get("membership") != "join":
        raise Rejected("M_FORBIDDEN", "we are not in the room")
    return state


def found(room: MatrixRoomId, state: State, *, us: UserId) -> FoundRoom:
    create = state.get(("m.room.create", ""), {})
    maker = create.get("sender")
    marker = _content(state, "m.room.create").get(MARKER_KEY)
    ours = isinstance(marker, str) and maker == us
    return FoundRoom(
        room=room,
        version=_version(state),
        creators=_creators(state),
        made_by=UserId(maker) if isinstance(maker, str) else None,
        marker=RoomId(str(marker)) if ours else None,
        name=_text(state, "m.room.name", "name"),
        topic=_text(state, "m.room.topic", "topic"),
        join_rule=_text(state, "m.room.join_rules", "join_rule"),
        history_visibility=_text(state, "m.room.history_visibility", "history_visibility"),
        guest_access=_text(state, "m.room.guest_access", "guest_access"),
        encryption=_content(state, "m.room.encryption") or None,
        power_levels=_content(state, "m.room.power_levels"),
        members=_members(state),
        server_acl=_content(state, "m.room.server_acl") or None,
        set_by=_set_by(state),
        predecessor=_predecessor(_content(state, "m.room.create")),
        tombstone=_tombstone(state),
    )


class Finder:
    """Finds rooms by their marker. Rooms are looked through once; after that it only remembers."""

    def __init__(self, connection: Connection, us: UserId) -> None:
        self._connection, self._us = connection, us
        self._rooms: dict[Origin, MatrixRoomId] = {}
        self._scanned = False
        self._scanning = asyncio.Lock()

    def add(self, marker: RoomId, room: MatrixRoomId, *, follows: MatrixRoomId | None = None) -> None:
        self._rooms[marker, follows] = room

    def unsure(self) -> None:
        """A room may have been made without our hearing of it: look through them once more."""
        self._scanned = False

    async def find(self, marker: RoomId, *, follows: MatrixRoomId | None = None) -> MatrixRoomId | None:
        async with self._scanning:
            if not self._scanned and (marker, follows) not in self._rooms:
                await self._scan()
                self._scanned = True
        return self._rooms.get((marker, follows))

    def forget(self, room: MatrixRoomId) -> None:
        self._rooms = {origin: known for origin, known in self._rooms.items() if known != room}

    async def _scan(self) -> None:
        limit = asyncio.Semaphore(AT_ONCE)

        async def look(room: MatrixRoomId) -> None:
            async with limit:
                origin = await self._origin(room)
            if origin is not None:
                self._rooms.setdefault(origin, room)

        await asyncio.gather(*(look(room) for room in await joined(self._connection)))

    async def _origin(self, room: MatrixRoomId) -> Origin | None:
        """Only of rooms we made: anybody can invite us to a room that carries a marker."""
        address = path("rooms", room, "state", "m.room.create", "")
        try:
            event = await self._connection.get(address, {"format": "event"})
        except Rejected:
            return None
        content = event.get("content")
        if not isinstance(content, dict) or event.get("sender") != self._us:
            return None
        marker = content.get(MARKER_KEY)
        return (RoomId(marker), _predecessor(content)) if isinstance(marker, str) else None


async def joined(connection: Connection) -> frozenset[MatrixRoomId]:
    answer = await connection.get(path("joined_rooms"))
    return frozenset(MatrixRoomId(room) for room in needed(answer, "joined_rooms", list) if isinstance(room, str))


async def newest_version(connection: Connection) -> str:
    """The newest stable room version up to ours that the homeserver offers; ours, where it does not say."""
    answer = await connection.get(path("capabilities"))
    capabilities = answer.get("capabilities")
    rooms = capabilities.get("m.room_versions") if isinstance(capabilities, dict) else None
    offered = rooms.get("available") if isinstance(rooms, dict) else None
    said = offered.items() if isinstance(offered, dict) else ()
    stable = [int(version) for version, how in said if version.isdecimal() and how == "stable"]
    return str(max((version for version in stable if version <= int(ROOM_VERSION)), default=ROOM_VERSION))


async def has_account(connection: Connection, user: UserId, *, us: UserId) -> bool:
    """Synapse says M_UNKNOWN of those of its own people it does not have; of others' it may mean anything."""
    nobody = ("M_NOT_FOUND", "M_UNKNOWN") if server_of(user) == server_of(us) else ("M_NOT_FOUND",)
    try:
        await connection.get(path("profile", user))
    except Rejected as refused:
        return refused.code not in nobody
    return True


async def answers(connection: Connection, user: UserId) -> bool:
    """Any word of their server is one, a no or a fault too. Synapse makes all changes of who is in a room one after
    another, and holds the room while it waits for another server to agree to an invitation (1.163, `room_member`)."""
    try:
        await connection.get(path("profile", user), patience=ANSWERS_WITHIN)
    except (Rejected, TheirFault):
        return True
    except NoAnswer:
        return False
    return True


def _is_state(event: Any) -> bool:
    shape = isinstance(event, dict) and isinstance(event.get("content"), dict)
    return shape and isinstance(event.get("type"), str) and isinstance(event.get("state_key"), str)


def _content(state: State, kind: str, key: str = "") -> dict[str, Any]:
    content: dict[str, Any] = state.get((kind, key), {}).get("content", {})
    return content


def _text(state: State, kind: str, key: str) -> str | None:
    value = _content(state, kind).get(key)
    return value if isinstance(value, str) else None


def set_by(state: State, user: UserId) -> set[str]:
    """What of the state is theirs: the events' ids, memberships left out."""
    return {
        str(event.get("event_id"))
        for (kind, _), event in state.items()
        if kind != "m.room.member" and event.get("sender") == user
    }


def _set_by(state: State) -> dict[str, SetBy]:
    return {
        kind: SetBy(UserId(event["sender"]), EventId(event["event_id"]))
        for (kind, key), event in state.items()
        if key == "" and isinstance(event.get("sender"), str) and isinstance(event.get("event_id"), str)
    }


def _predecessor(created: Mapping[str, Any]) -> MatrixRoomId | None:
    said = created.get("predecessor")
    room = said.get("room_id") if isinstance(said, dict) else None
    return MatrixRoomId(room) if isinstance(room, str) else None


def _tombstone(state: State) -> Tombstone | None:
    event = state.get(("m.room.tombstone", ""))
    if event is None or not event["content"] or not isinstance(event.get("sender"), str):
        return None
    room = event["content"].get("replacement_room")
    return Tombstone(MatrixRoomId(room) if isinstance(room, str) and room else None, UserId(event["sender"]))


def _version(state: State) -> str:
    version = _content(state, "m.room.create").get("room_version")
    return version if isinstance(version, str) else "1"


def _creators(state: State) -> frozenset[UserId]:
    """Whom no power level binds. Before version 12 there is no such thing."""
    version = _version(state)
    if not version.isdigit() or int(version) < FIRST_WITH_CREATORS:
        return frozenset()
    create: Mapping[str, Any] = state.get(("m.room.create", ""), {})
    others = create.get("content", {}).get("additional_creators") or []
    return frozenset(UserId(user) for user in (create.get("sender"), *others) if isinstance(user, str))


def _members(state: State) -> dict[UserId, str]:
    return {
        UserId(user): str(event["content"].get("membership"))
        for (kind, user), event in state.items()
        if kind == "m.room.member"
    }
