"""What strangers send to the device is dropped, counted, and never logged."""

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.matrix.hardened import Machine
from bridge.matrix.keystore import KeyStore
from bridge.matrix.screening import OLM
from facilitator.ids import UserId

BOT = UserId("@hearth:test")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=6,
)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(BOT, "DEVICE", KeyStore(tmp_path / "k.db", secrets.token_bytes(32)).open(BOT, "DEVICE"))
    yield machine
    machine.store.close()


def to_us(machine: Machine, **ciphertext: Any) -> dict[str, Any]:
    ours = machine.account.identity_keys["curve25519"]
    content = {"algorithm": OLM, "sender_key": ours, "ciphertext": {ours: ciphertext}}
    return {"type": "m.room.encrypted", "sender": "@dan:test", "content": content}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(broken=JSON, kind=st.sampled_from(["m.room.encrypted", "m.room_key", "m.room_key_request", "m.dummy"]))
def test_nothing_sent_to_the_device_raises(machine: Machine, broken: Any, kind: str) -> None:
    event = {"type": kind, "sender": "@dan:test", "content": broken}
    assert machine.receive([broken, event, to_us(machine, type=0, body=broken)]) == frozenset()


def test_a_key_sent_in_clear_is_not_taken(machine: Machine) -> None:
    content = {"algorithm": "m.megolm.v1.aes-sha2", "room_id": "!r", "session_id": "s", "session_key": "k"}
    assert machine.receive([{"type": "m.room_key", "sender": "@dan:test", "content": content}]) == frozenset()


def test_nothing_is_logged_of_who_sent_what(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        machine.receive([to_us(machine, type=0, body="AAAA"), to_us(machine, type=1, body="AAAA")])
        machine.create_outbound_group_session("!room")
        machine.save_account()
    assert machine.faults["to_device"] == 2
    assert [record.name for record in caplog.records] == []
