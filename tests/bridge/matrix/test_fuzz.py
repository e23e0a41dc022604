"""Whatever a homeserver answers, and whatever anybody had it carry: what Ada says next is heard, once, and what is
remembered of it all has an end."""

import json
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.matrix.listening import STATE, TALK
from bridge.matrix.screening import MEGOLM, OLM
from bridge.matrix.signing import SigningKey
from facilitator.database import Database
from tests.bridge.matrix.besieged import Besieged, besieged
from tests.bridge.matrix.odd_json import JUNK, OTHER, ROOMS, USERS, shaped, written
from tests.bridge.matrix.olm_people import ADA, EVE, ROOM
from tests.clock import TurnedClock

CASES = 10_000 if os.environ.get("HEARTH_SOAK") else 500
MASTER, OTHER_MASTER = (SigningKey(bytes([number]) * 32) for number in (1, 2))

KINDS = st.sampled_from([*TALK, *STATE, "m.reaction", "io.other"])
CONTENT = shaped(
    algorithm=st.sampled_from([MEGOLM, OLM]),
    session_id=st.text(max_size=5),
    sender_key=st.text(max_size=5),
    ciphertext=st.text(max_size=5),
    membership=st.sampled_from(["join", "invite", "leave", "ban", "knock"]),
    is_direct=st.booleans(),
    msgtype=st.just("m.text"),
    body=st.sampled_from(["hello", "!help", "!sessions", "!" * 1_000]),
    replacement_room=ROOMS,
    name=st.text(max_size=3),
    users=st.dictionaries(USERS, st.integers(), max_size=2),
    rotation_period_ms=st.integers(),
)
EVENT = shaped(
    type=KINDS,
    event_id=st.sampled_from(["$a", "$b", "$\ud800", "$\0"]),
    sender=USERS,
    state_key=USERS | st.just(""),
    origin_server_ts=st.integers(),
    content=CONTENT,
    unsigned=shaped(prev_content=CONTENT, redacted_because=JUNK, age=st.integers()),
)
EVENTS = shaped(events=st.lists(EVENT, max_size=4))
JOINED = shaped(
    timeline=shaped(events=st.lists(EVENT, max_size=4), limited=st.booleans(), prev_batch=st.just("p1")),
    state=EVENTS,
    ephemeral=EVENTS,
    account_data=EVENTS,
    summary=JUNK,
    unread_notifications=JUNK,
)
INVITED = shaped(invite_state=EVENTS)
TO_DEVICE = shaped(
    type=st.sampled_from(["m.room.encrypted", "m.room_key", "m.room_key.withheld", "m.room_key_request", "m.dummy"]),
    sender=USERS,
    content=shaped(
        algorithm=st.sampled_from([MEGOLM, OLM]),
        sender_key=st.text(max_size=5),
        ciphertext=st.just({"OURS": {"type": 0, "body": "AwogAAAA"}}) | st.just({"OURS": {"type": 1, "body": "AAAA"}}),
        room_id=ROOMS,
        session_id=st.text(max_size=3),
        code=st.just("m.unverified"),
    ),
)
SYNC = shaped(
    next_batch=st.sampled_from(["x1", "x2", "x" * 20_000]),
    rooms=shaped(
        join=st.dictionaries(ROOMS, JOINED, max_size=2),
        leave=st.dictionaries(ROOMS, JOINED, max_size=2),
        invite=st.dictionaries(ROOMS, INVITED, max_size=2),
        knock=st.dictionaries(ROOMS, JUNK, max_size=1),
    ),
    to_device=shaped(events=st.lists(TO_DEVICE, max_size=3)),
    device_lists=shaped(changed=st.lists(USERS, max_size=3), left=st.lists(USERS, max_size=2)),
    device_one_time_keys_count=shaped(signed_curve25519=st.integers(0, 50)),
    device_unused_fallback_key_types=st.lists(st.sampled_from(["signed_curve25519", "other"]), max_size=2),
    presence=EVENTS,
    account_data=EVENTS,
)


def well(**more: Any) -> dict[str, Any]:
    return {"next_batch": "x1"} | more


def in_room(*events: Any, **more: Any) -> dict[str, Any]:
    return well(rooms={"join": {ROOM: {"timeline": {"events": [*events]} | more}}})


@pytest.fixture
async def house(database: Database, tmp_path: Path, clock: TurnedClock) -> AsyncIterator[Besieged]:
    async with besieged(database, tmp_path, clock) as house:
        yield house


MESSAGE = {"type": "m.room.message", "event_id": "$a", "sender": EVE, "content": {"msgtype": "m.text", "body": "x"}}


@settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(said=SYNC, pages=shaped(chunk=st.lists(EVENT, max_size=3), end=st.sampled_from(["e1", None])))
@example(said=in_room(MESSAGE | {"event_id": "$\0"}), pages={})
@example(said=in_room(MESSAGE | {"event_id": "$\ud800"}), pages={})
@example(said=in_room(MESSAGE | {"content": "DEEP-900"}), pages={})
@example(
    said=in_room(limited=True, prev_batch="p1"), pages={"chunk": ["DEEP-900", MESSAGE | {"x": "DEEP-900"}], "end": "e1"}
)
@example(said=in_room(MESSAGE | {"origin_server_ts": 10**400}), pages={})
@example(said=well(rooms={"leave": {ROOM: {}}}), pages={})
@example(said=well(next_batch="\ud800"), pages={})
@example(said=well(device_lists={"changed": ["@\ud800:test", {}, ADA]}), pages={})
@example(said=well(rooms={"invite": {"!\0": {}, OTHER: {"invite_state": {"events": [{}]}}}}), pages={})
async def test_whatever_it_is_told_the_house_hears_what_is_said_next(house: Besieged, said: Any, pages: Any) -> None:
    house.server.pages = written(pages)
    ours = house.parts.machine.account.identity_keys["curve25519"]
    await house.hears(written(said).replace("OURS", ours))
    await house.hears_ada()
    assert house.kept() < 2_000


@pytest.mark.parametrize(
    "answer", ["", "[]", "null", "{", "<html>", "[" * 200_000, '{"next_batch": 3}', '{"a":' * 9_000]
)
async def test_an_answer_that_is_none_is_asked_for_again(house: Besieged, answer: str) -> None:
    await house.hears(answer)
    await house.hears_ada()


async def test_another_identity_than_the_first_is_noticed_with_what_is_heard(house: Besieged) -> None:
    house.server.identities = {ADA: MASTER.public}
    house.parts.their_keys.changed([ADA])
    await house.hears_ada()
    assert await house.changed() == set()
    house.server.identities = {ADA: OTHER_MASTER.public}
    await house.hears(written(well(device_lists={"changed": [ADA]})))
    await house.hears_ada()
    assert await house.changed() == {ADA}


async def test_nesting_no_parser_follows_and_numbers_without_end_keep_nothing_back(house: Besieged) -> None:
    message = json.dumps(MESSAGE | {"content": "DEEP", "origin_server_ts": "LONG"})
    said = json.dumps(in_room("EVENT", house.server.ada.says("!sessions"))).replace('"EVENT"', message)
    for nested in ("[" * 100_000 + "]" * 100_000, '{"a":' * 50_000 + "1" + "}" * 50_000):
        await house.hears(said.replace('"DEEP"', nested).replace('"LONG"', "9" * 20_000))
        await house.hears_ada()


async def test_every_kind_of_garbage_to_the_device_leaves_what_is_kept_as_it_was(house: Besieged) -> None:
    ours = house.parts.machine.account.identity_keys["curve25519"]
    await house.hears_ada()
    before = house.kept()
    for number in range(30):
        events = [
            {
                "type": "m.room.encrypted",
                "sender": f"@eve{number}-{each}:test",
                "content": {
                    "algorithm": OLM,
                    "sender_key": secrets.token_urlsafe(32),
                    "ciphertext": {ours: {"type": each % 3, "body": "AwogAAAA"}},
                },
            }
            for each in range(100)
        ]
        await house.hears(written(well(next_batch=f"x{number}", to_device={"events": events})))
    await house.hears_ada()
    assert house.kept() <= before + 5
    assert house.parts.machine.faults["to_device"] > 0
