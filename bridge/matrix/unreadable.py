"""What could not be read when it came: fetch it again and read it, now that its key may be here."""

from collections.abc import Collection

from bridge.heard import Heard
from bridge.matrix import events
from bridge.matrix.connection import Connection, path
from bridge.matrix.homeserver import Rejected
from bridge.matrix.their_keys import TheirKeys
from facilitator.ids import EventId, MatrixRoomId


async def read_again(
    connection: Connection,
    their_keys: TheirKeys,
    reader: events.Reader,
    room: MatrixRoomId,
    event_ids: Collection[EventId],
) -> tuple[Heard, ...]:
    """In the order given. Events that are gone, or that we may not see, are left out."""
    found = []
    for event_id in event_ids:
        try:
            found.append(await connection.get(path("rooms", room, "event", event_id)))
        except Rejected:
            continue
    await their_keys.know(events.encrypted_senders(list(found)))
    return tuple(said for event in found if (said := reader.heard(room, event)) is not None)
