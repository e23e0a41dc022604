"""What one answer brings by the hundred costs the house little, and nothing of it is lost."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.heard import MembershipChanged
from bridge.matrix.events import told_once
from facilitator.database import Database
from facilitator.ids import UserId
from tests.bridge.matrix.besieged import Besieged, besieged, sync
from tests.bridge.matrix.olm_people import ADA, BEN, EVE, ROOM, new_event_id
from tests.clock import TurnedClock

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
MANY = 100
FOR_ONE = 30
"""Statements, with what every answer costs."""


@pytest.fixture
async def house(database: Database, tmp_path: Path, clock: TurnedClock) -> AsyncIterator[Besieged]:
    async with besieged(database, tmp_path, clock) as house:
        yield house


def state(kind: str, key: str, sender: str, **content: Any) -> dict[str, Any]:
    event = {"type": kind, "event_id": new_event_id(), "sender": sender, "state_key": key, "content": content}
    return event | {"origin_server_ts": 1_793_620_800_000}


def named(number: int) -> dict[str, Any]:
    return state("m.room.member", EVE, EVE, membership="join", displayname=f"Eve {number}")


async def statements(house: Besieged, cursor: str, events: list[Any]) -> int:
    before = house.database.statements
    await house.hears(json.dumps(sync(cursor, events)))
    return house.database.statements - before


async def test_names_changed_and_state_set_by_the_hundred_cost_no_more_than_once(house: Besieged) -> None:
    topics = [state("m.room.topic", "", EVE, topic=f"{number}") for number in range(MANY)]
    assert await statements(house, "names", [*map(named, range(MANY)), *topics]) < FOR_ONE
    await house.hears_ada()


async def test_people_who_come_by_the_hundred_cost_a_few_statements_each(house: Besieged) -> None:
    people = [f"@eve{number}:test" for number in range(MANY)]
    joins = [state("m.room.member", person, person, membership="join") for person in people]
    assert await statements(house, "joins", joins) < FOR_ONE + 10 * MANY
    await house.hears_ada()


def change(user: UserId, now: str, by: UserId) -> MembershipChanged:
    return MembershipChanged(
        room=ROOM, event_id=new_event_id(), sender=by, sent_at=NOON, user=user, membership=now
    )  # fmt: skip


def test_of_how_somebody_came_and_went_nothing_is_lost() -> None:
    told = [
        change(BEN, "leave", BEN), change(BEN, "invite", ADA), change(BEN, "invite", EVE), change(BEN, "join", BEN),
        change(EVE, "join", EVE), change(BEN, "leave", BEN), change(BEN, "leave", ADA), change(BEN, "join", BEN),
    ]  # fmt: skip
    assert told_once(told) == told


def test_who_is_there_anyway_has_come_once() -> None:
    first, second, third = change(EVE, "join", EVE), change(BEN, "join", BEN), change(EVE, "join", EVE)
    gone, again = change(EVE, "leave", EVE), change(EVE, "join", EVE)
    assert told_once([first, second, third, gone, again]) == [first, second, gone, again]
