"""Fetch what a shortened sync left out, so that nothing said while we were away goes unheard.

A sync brings at most so many events of a room; what lies between it and our cursor is walked back for, page by page.
"""

import json
from typing import Any

from bridge.matrix.connection import Connection, needed, path
from facilitator.ids import MatrixRoomId

PER_PAGE = 200
PAGES = 50

Events = list[dict[str, Any]]


async def fill(
    connection: Connection, room: MatrixRoomId, *, back_from: str, to: str, leave_out: list[str]
) -> tuple[Events, bool]:
    """The events between the cursor `to` and `back_from`, oldest first, and whether they are all there: a gap of
    more than PAGES pages keeps its newest part. `leave_out` names event types that do not matter."""
    newest_first: Events = []
    query = {"dir": "b", "to": to, "limit": str(PER_PAGE), "filter": json.dumps({"not_types": leave_out})}
    position: str | None = back_from
    for _ in range(PAGES):
        answer = await connection.get(path("rooms", room, "messages"), query | {"from": str(position)})
        newest_first += [event for event in needed(answer, "chunk", list) if isinstance(event, dict)]
        position = answer.get("end")
        if not position:
            return newest_first[::-1], True
    return newest_first[::-1], False
