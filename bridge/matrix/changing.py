"""The steps that change a room: make it, set its state, invite, remove. Each may be taken again without harm.

nio's own calls leave out what version 12 rooms need (creation content, a whole power map) and let presets decide
the rest; here the body is complete and what came of it is read back.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from bridge.matrix import turns
from bridge.matrix.connection import Connection, FederationDenied, needed, path
from bridge.matrix.homeserver import MARKER_KEY, CreateRoom, Invite, Rejected, Remove, SetState
from facilitator.ids import EventId, MatrixRoomId, UserId
from facilitator.rules.user_id import server_of

NOT_ENCRYPTED = "HEARTH_NOT_ENCRYPTED"
SERVER_NOT_REACHED = "HEARTH_SERVER_NOT_REACHED"

INVITED_WITHIN = timedelta(seconds=15)
"""Their server has to agree to an invitation. Ours goes on asking one that is silent for minutes, also without us."""


def body(step: CreateRoom) -> dict[str, Any]:
    """The body of createRoom. `private_chat` is the strictest preset there is, and every piece of state it would
    choose is set here all the same: it lets guests in and shows newcomers what was said before."""
    creation: dict[str, Any] = {MARKER_KEY: step.marker}
    if step.additional_creators:
        creation["additional_creators"] = list(step.additional_creators)
    if step.predecessor:
        creation["predecessor"] = {"room_id": step.predecessor}
    state = {
        "m.room.encryption": dict(step.encryption),
        "m.room.join_rules": {"join_rule": step.join_rule},
        "m.room.history_visibility": {"history_visibility": step.history_visibility},
        "m.room.guest_access": {"guest_access": step.guest_access},
        "m.room.server_acl": dict(step.server_acl),
    }
    return {
        "room_version": step.version,
        "visibility": "private",
        "preset": "private_chat",
        "name": step.name,
        "creation_content": creation,
        "initial_state": [{"type": kind, "state_key": "", "content": content} for kind, content in state.items()],
        "power_level_content_override": dict(step.power_levels),
    }


async def create(connection: Connection, step: CreateRoom) -> MatrixRoomId:
    """One request: what came of it is not known before the room is looked at."""
    answer = await connection.post(path("createRoom"), body(step), kind=turns.create(step))
    return MatrixRoomId(needed(answer, "room_id", str))


async def set_state(connection: Connection, step: SetState) -> EventId:
    """The event that is the room's state now."""
    address = path("rooms", step.room, "state", step.type, "")
    answer = await connection.put(address, dict(step.content), kind=turns.set_state(step))
    return EventId(needed(answer, "event_id", str))


async def invite(connection: Connection, step: Invite, *, direct: bool) -> None:
    """`direct`: the invitation says so, and the person's client lists the room among their people.

    Raises Rejected("HEARTH_SERVER_NOT_REACHED") when our homeserver may not talk to theirs, or knows of none.
    """
    turn = turns.invite(step, direct=direct)
    try:
        if direct:
            content = {"membership": "invite", "is_direct": True}
            address = path("rooms", step.room, "state", "m.room.member", step.user)
            await connection.put(address, content, kind=turn, patience=INVITED_WITHIN)
        else:
            address = path("rooms", step.room, "invite")
            await connection.post(address, {"user_id": step.user}, kind=turn, patience=INVITED_WITHIN)
    except Rejected as refused:
        if await _membership(connection, step.room, step.user) in ("join", "invite"):
            return
        if isinstance(refused, FederationDenied) and refused.server == server_of(step.user):
            raise Rejected(SERVER_NOT_REACHED) from refused
        raise


async def remove(connection: Connection, step: Remove) -> None:
    reason = {"reason": step.reason} if step.reason else {}
    body = {"user_id": step.user} | reason
    try:
        await connection.post(path("rooms", step.room, "kick"), body, kind=turns.remove(step))
    except Rejected:
        if await _membership(connection, step.room, step.user) not in (None, "leave", "ban"):
            raise


async def join(connection: Connection, room: MatrixRoomId, via: Sequence[str] = ()) -> None:
    """`via` under both its names: `server_name` is what homeservers before Matrix v1.12 know."""
    ask = urlencode([(name, server) for name in ("via", "server_name") for server in via])
    await connection.post(path("join", room) + (f"?{ask}" if ask else ""), {}, kind="join")


async def leave(connection: Connection, room: MatrixRoomId) -> None:
    """Leave, or decline an invitation; no error when we are not there."""
    try:
        await connection.post(path("rooms", room, "leave"), {}, kind="leave")
    except Rejected as refused:
        if refused.code not in ("M_FORBIDDEN", "M_NOT_FOUND"):
            raise


async def _membership(connection: Connection, room: MatrixRoomId, user: UserId) -> str | None:
    try:
        answer = await connection.get(path("rooms", room, "state", "m.room.member", user))
    except Rejected as refused:
        if refused.code == "M_NOT_FOUND":
            return None
        raise
    membership = answer.get("membership")
    return membership if isinstance(membership, str) else None
