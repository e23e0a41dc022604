"""What an answer leaves out is walked back for; before a room's creation there is nothing to walk to."""

import json
from pathlib import Path
from typing import Any

import pytest

from facilitator.database import Database
from tests.bridge.matrix.besieged import besieged, sync
from tests.bridge.matrix.olm_people import ADA, BOT, ROOM
from tests.clock import TurnedClock

MADE = {"type": "m.room.create", "state_key": "", "sender": BOT, "event_id": "$made", "content": {}}
SAID = {"type": "m.room.create", "sender": ADA, "event_id": "$said", "content": {}}


@pytest.mark.parametrize(("event", "asked"), [(MADE, 0), (SAID, 1)], ids=["made", "only said to be"])
async def test_of_a_room_whose_creation_is_told_nothing_is_left_out(
    database: Database, tmp_path: Path, clock: TurnedClock, event: dict[str, Any], asked: int
) -> None:
    async with besieged(database, tmp_path, clock) as house:
        answer = sync("s1", [])
        answer["rooms"]["join"][ROOM]["timeline"] = {"events": [event], "limited": True, "prev_batch": "p1"}
        await house.hears(json.dumps(answer))
        assert house.server.walked == asked
