"""The key store's rows: each thing written once in a transaction, nothing said lost, read back as it was."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from nio.crypto import OlmDevice
from nio.crypto.sessions import OlmAccount, OutboundGroupSession, OutboundSession

from bridge.matrix.hardened import Machine
from bridge.matrix.keystore import KeyStore, Store
from facilitator.ids import UserId

BOT, ADA, ROOM = UserId("@hearth:test"), "@ada:test", "!room"


class House:
    """A machine, its store and what is asked of the file."""

    def __init__(self, folder: Path) -> None:
        self.keys = KeyStore(folder / "keys.db", secrets.token_bytes(32))
        self.machine = Machine(BOT, "DEVICE", self.keys.open(BOT, "DEVICE"))
        self.statements: list[str] = []
        self.store.database.connection().set_trace_callback(self.statements.append)

    @property
    def store(self) -> Store:
        store: Store = self.machine.store
        return store

    def writes(self) -> list[str]:
        """Each write as verb and table, in order; counting starts anew."""
        said = [statement.split() for statement in self.statements if statement.startswith(("INSERT", "DELETE"))]
        self.statements.clear()
        return [words[words.index("INTO") + 1] if "INTO" in words else words[2] for words in said]

    def begin_with(self, phone: OlmAccount) -> OutboundSession:
        phone.generate_one_time_keys(1)
        (key,) = phone.one_time_keys["curve25519"].values()
        phone.mark_keys_as_published()
        return self.machine.create_session(key, phone.identity_keys["curve25519"])

    def opened_again(self) -> Machine:
        self.store.close()
        self.machine = Machine(BOT, "DEVICE", self.keys.open(BOT, "DEVICE"))
        return self.machine


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.store.close()


def test_in_one_transaction_each_thing_is_written_once_however_often_it_changed(house: House) -> None:
    phone = OlmAccount()
    with house.store.together():
        session = house.begin_with(phone)
        house.begin_with(phone)
        for word in ("one", "two", "three"):
            session.encrypt(word)
            house.machine.save_session(phone.identity_keys["curve25519"], session)
    assert house.writes() == ["accounts", "olmsessions", "olmsessions"]


def test_what_a_session_said_stays_said_when_something_fails_meanwhile(house: House) -> None:
    phone = OlmAccount()
    with pytest.raises(RuntimeError), house.store.together(), house.store.together():
        session = house.begin_with(phone)
        raise RuntimeError
    (again,) = house.opened_again().session_store[phone.identity_keys["curve25519"]]
    assert again.id == session.id


def test_what_is_let_go_of_in_the_transaction_that_brought_it_does_not_come_back(house: House) -> None:
    phone = OlmAccount()
    outbound = OutboundGroupSession()
    with house.store.together():
        session = house.begin_with(phone)
        house.machine.create_group_session("key", "signing", ROOM, outbound.id, outbound.session_key)
        key = house.machine.inbound_group_store.get(ROOM, "key", outbound.id)
        assert key is not None
        house.store.forget_sessions([session.id])
        house.store.forget_room_keys([key])
    machine = house.opened_again()
    assert not machine.session_store[phone.identity_keys["curve25519"]]
    assert machine.inbound_group_store.get(ROOM, "key", outbound.id) is None


def test_devices_and_who_signed_them_are_read_back_as_they_were(house: House) -> None:
    phones = [OlmDevice(ADA, name, {"ed25519": f"s{name}", "curve25519": f"i{name}"}) for name in ("OLD", "NEW")]
    house.store.save_device_keys({ADA: {phone.id: phone for phone in phones}})
    house.store.verify_device(phones[1])
    phones[0].deleted = True
    phones[1].curve25519 = "another"
    house.store.save_device_keys({ADA: {phone.id: phone for phone in phones}})

    again = house.opened_again().device_store
    assert [(d.id, d.keys, d.verified) for d in again.active_user_devices(ADA)] == [
        ("NEW", {"ed25519": "sNEW", "curve25519": "another"}, True)
    ]
    assert again[ADA]["OLD"].deleted

    house.store.unverify_device(again[ADA]["NEW"])
    assert not house.opened_again().device_store[ADA]["NEW"].verified


def test_the_session_used_last_is_answered_with_after_it_is_opened_again(house: House) -> None:
    phone = OlmAccount()
    key = phone.identity_keys["curve25519"]
    first, second = house.begin_with(phone), house.begin_with(phone)
    first.encrypt("later")
    house.machine.save_session(key, first)
    assert [session.id for session in house.opened_again().session_store[key]] == [first.id, second.id]


def test_many_devices_are_learned_in_a_handful_of_statements(house: House) -> None:
    devices = {
        f"@{n}:test": {"D": OlmDevice(f"@{n}:test", "D", {"ed25519": "s", "curve25519": "i"})} for n in range(50)
    }
    house.statements.clear()
    house.store.save_device_keys(devices)
    begun = [statement for statement in house.statements if statement.startswith("BEGIN")]
    assert len(begun) == 1
    assert len(house.writes()) == 50 * 3


def test_an_answer_without_a_key_asks_nothing_of_the_store_unless_something_is_left_to_write(house: House) -> None:
    house.statements.clear()
    assert house.machine.receive([]) == frozenset()
    assert house.statements == []
    house.store._account = house.machine.account  # as a full disk leaves it
    house.machine.receive([])
    assert house.writes() == ["accounts"]
