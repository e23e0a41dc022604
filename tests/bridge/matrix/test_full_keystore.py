"""A key store that cannot be written: nothing of it goes out, no step of a ratchet is used twice, and with space again
it all goes on, be it in this process or in the next."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from nio.crypto.sessions import OlmAccount
from structlog.testing import capture_logs

from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import TryLater
from bridge.matrix.keystore import KeyStore
from bridge.matrix.our_sessions import AHEAD
from facilitator.ids import UserId

BOT, ROOM = UserId("@hearth:test"), "!room"
WORDS = {"type": "m.room.message", "content": {"body": "x" * 20_000}}


class House:
    def __init__(self, folder: Path) -> None:
        self.keys = KeyStore(folder / "keys.db", secrets.token_bytes(32))
        self.machine = Machine(BOT, "DEVICE", self.keys.open(BOT, "DEVICE"))

    def killed(self) -> Machine:
        """What was in memory is gone."""
        self.machine.store.close()
        self.machine = Machine(BOT, "DEVICE", self.keys.open(BOT, "DEVICE"))
        return self.machine

    @contextmanager
    def full(self) -> Iterator[None]:
        """Every write fails, as on a full disk, however little it needs."""
        connection = self.machine.store.database.connection()
        connection.execute("PRAGMA query_only = ON")
        try:
            yield
        finally:
            connection.execute("PRAGMA query_only = OFF")

    def step(self) -> int:
        session = self.machine.outbound_group_sessions[ROOM]
        return int(session.message_index)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.machine.store.close()


def test_no_step_is_used_that_could_not_be_set_aside(house: House) -> None:
    house.machine.create_outbound_group_session(ROOM)
    house.machine.outbound_group_sessions[ROOM].mark_as_shared()
    for _ in range(AHEAD):
        house.machine.group_encrypt(ROOM, WORDS)
    before = house.step()
    with capture_logs() as log, house.full():
        for _ in range(3):
            with pytest.raises(TryLater):
                house.machine.group_encrypt(ROOM, WORDS)
        assert house.step() == before, "nothing was encrypted"
    assert {entry["event"] for entry in log} == {"key store cannot be written"}
    house.machine.group_encrypt(ROOM, WORDS)
    used = house.step()
    again = house.killed().ours.load(ROOM)
    assert again is not None
    assert again.message_index >= used, "a step that was used is used again"


def test_steps_count_as_set_aside_when_the_whole_transaction_is_written(house: House) -> None:
    house.machine.create_outbound_group_session(ROOM)
    session = house.machine.outbound(ROOM)
    assert session is not None
    store = house.machine.store
    with pytest.raises(TryLater), store.together():
        house.machine.ours.keep([(ROOM, session)])
        store.ask("PRAGMA query_only = ON")  # the disk is full by the time all of it is to be written
        house.machine.save_account()
    store.ask("PRAGMA query_only = OFF")
    assert session.needs_steps
    with store.together():
        house.machine.ours.keep([(ROOM, session)])
    assert session.reserved == AHEAD


def test_what_could_not_be_written_is_written_with_the_next_that_can(house: House) -> None:
    phone = OlmAccount()
    identity = phone.identity_keys["curve25519"]
    phone.generate_one_time_keys(1)
    (key,) = phone.one_time_keys["curve25519"].values()
    session = house.machine.create_session(key, identity)
    with house.full(), pytest.raises(TryLater), house.machine.store.together():
        said = session.encrypt("the same")
        house.machine.save_session(identity, session)
    with house.machine.store.together():
        pass
    (again,) = house.killed().session_store[identity]
    assert again.encrypt("the same").to_parts() != said.to_parts(), "a step that was used is used again"


def test_a_key_that_came_while_it_was_full_is_told_when_it_is_written_down(house: House) -> None:
    house.machine._came.add(("!room", "session"))  # type: ignore[arg-type]
    assert house.machine.receive([]) == {("!room", "session")}
    assert house.machine.receive([]) == frozenset()
