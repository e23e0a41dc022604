"""Fetch what a shortened sync left out, so that nothing said while we were away goes unheard.

A sync brings at most so many events of a room; what lies between it and our cursor is walked back for, page by page.
"""

import json
from collections.abc import Sequence
from typing import Any

from bridge.matrix.connection import Connection, needed, path
from facilitator.ids import MatrixRoomId

PER_PAGE = 200
PAGES = 50
LARGEST_EVENT = 65_536
HEAVIEST = 1_000 * LARGEST_EVENT
"""Characters of JSON."""

Events = list[dict[str, Any]]


class Budget:
    """How much may be fetched for one sync, in all its rooms: what many send while we are away must find room here."""

    def __init__(self, most: int = HEAVIEST) -> None:
        self.left = most

    def spend(self, events: Events) -> None:
        try:
            self.left -= len(json.dumps(events))
        except RecursionError:
            self.left -= LARGEST_EVENT


async def fill(
    connection: Connection, room: MatrixRoomId, *, back_from: str, to: str, types: Sequence[str], budget: Budget
) -> tuple[Events, bool]:
    """The events between the cursor `to` and `back_from`, oldest first, and whether they are all there: a gap of
    more than PAGES pages, or more than the budget has left, keeps its newest part. `types`: those that matter."""
    newest_first: Events = []
    query = {"dir": "b", "to": to, "limit": str(PER_PAGE), "filter": json.dumps({"types": list(types)})}
    position: str | None = back_from
    for _ in range(PAGES):
        answer = await connection.get(path("rooms", room, "messages"), query | {"from": str(position)})
        page = [event for event in needed(answer, "chunk", list) if isinstance(event, dict)]
        newest_first += page
        budget.spend(page)
        position = answer.get("end")
        if not position:
            return newest_first[::-1], True
        if budget.left <= 0:
            break
    return newest_first[::-1], False
