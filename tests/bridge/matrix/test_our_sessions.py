"""The sessions we speak under are kept for the rooms we are in, and for no other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.matrix.our_sessions import OurSession
from facilitator.database import Database
from tests.bridge.matrix.besieged import Besieged, besieged
from tests.bridge.matrix.odd_json import OTHER, written
from tests.bridge.matrix.olm_people import ROOM
from tests.clock import TurnedClock


@pytest.fixture
async def house(database: Database, tmp_path: Path, clock: TurnedClock) -> AsyncIterator[Besieged]:
    async with besieged(database, tmp_path, clock) as house:
        yield house


async def test_of_a_room_we_left_no_session_is_kept(house: Besieged) -> None:
    ours = house.parts.machine.ours
    ours.keep([(ROOM, OurSession()), (OTHER, OurSession())])
    await house.hears(written({"next_batch": "x1", "rooms": {"leave": {OTHER: {"timeline": {"events": []}}}}}))
    assert ours.load(OTHER) is None
    assert ours.load(ROOM) is not None
