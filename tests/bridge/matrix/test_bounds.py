"""What others hand us is kept to a number, in memory and in the key store, and what is known people's goes last."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.heard import Message
from bridge.matrix import bounds, screening
from bridge.matrix.events import Reader
from bridge.matrix.hardened import Machine
from bridge.matrix.screening import OLM
from facilitator.ids import MatrixRoomId
from tests.bridge.matrix.olm_people import ADA, BOT, EVE, ROOM, Device, machine

FEW, MANY = 5, 40


class Scene:
    """The bot, Ada who is known to it, and Eve, a stranger."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, secrets.token_bytes(32)
        self.bot = Device(machine(folder, BOT, key=self._key))
        self.ada, self.eve = Device(machine(folder, ADA)), Device(machine(folder, EVE))
        self.bot.machine.learn_devices(self.ada.keys)
        for person in (self.ada, self.eve):
            person.meet(self.bot)

    def restarted(self) -> Machine:
        self.bot.machine.store.close()
        self.bot.machine = machine(self._folder, BOT, key=self._key)
        return self.bot.machine

    def close(self) -> None:
        for each in (self.bot, self.ada, self.eve):
            each.machine.store.close()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    for limit in ("OLM_SESSIONS", "ROOM_KEYS", "STRANGERS"):
        monkeypatch.setattr(bounds, limit, FEW)
    scene = Scene(tmp_path)
    yield scene
    scene.close()


def room_keys(held: Machine) -> int:
    return sum(1 for _ in held.inbound_group_store)


def test_a_stranger_asked_about_leaves_nothing_behind(scene: Scene) -> None:
    held = scene.bot.machine
    ours = held.account.identity_keys["curve25519"]
    before = [len(store._entries) for store in (held.session_store, held.inbound_group_store, held.device_store)]
    for number in range(MANY):
        content = {"algorithm": OLM, "sender_key": f"key{number}", "ciphertext": {ours: {"type": 1, "body": "AAAA"}}}
        held.receive([{"type": "m.room.encrypted", "sender": f"@eve{number}:test", "content": content}])
        held.inbound_group_store.get(f"!room{number}", f"key{number}", "session")
        assert list(held.device_store.active_user_devices(f"@eve{number}:test")) == []
    after = [len(store._entries) for store in (held.session_store, held.inbound_group_store, held.device_store)]
    assert after == before


def test_of_the_sessions_with_one_device_those_used_last_are_kept(scene: Scene) -> None:
    for _ in range(MANY):
        scene.ada.machine.start_sessions(scene.bot.take_one_time_key())
        scene.bot.machine.receive([scene.ada.to(scene.bot, "m.dummy", {})])
    key = scene.ada.machine.account.identity_keys["curve25519"]
    latest = scene.bot.machine.session_store.get(key)
    assert latest is not None
    assert len(scene.bot.machine.session_store[key]) == FEW
    again = scene.restarted()
    assert len(again.session_store[key]) == FEW
    assert latest.id in {session.id for session in again.session_store[key]}


def test_of_one_devices_keys_of_a_room_the_newest_are_kept(scene: Scene) -> None:
    for _ in range(MANY):
        scene.bot.machine.receive([scene.ada.give_key(scene.bot)])
    said = scene.ada.says("hello")
    assert room_keys(scene.bot.machine) == FEW
    assert isinstance(Reader(scene.bot.machine).heard(ROOM, said), Message)
    assert room_keys(scene.restarted()) == FEW
    assert isinstance(Reader(scene.bot.machine).heard(ROOM, said), Message)


def test_strangers_keys_of_rooms_without_end_push_out_no_key_of_somebody_known(scene: Scene) -> None:
    scene.bot.machine.receive([scene.ada.give_key(scene.bot)])
    for number in range(MANY):
        scene.bot.machine.receive([scene.eve.give_key(scene.bot, MatrixRoomId(f"!room{number}:test"))])
    assert room_keys(scene.bot.machine) == FEW + 1
    assert len(scene.bot.machine.inbound_group_store._entries) == FEW + 1
    assert isinstance(Reader(scene.bot.machine).heard(ROOM, scene.ada.says("hello")), Message)
    assert room_keys(scene.restarted()) == FEW + 1


def test_strangers_sessions_are_kept_to_a_number_together(scene: Scene, tmp_path: Path) -> None:
    strangers = [Device(machine(tmp_path, EVE, f"PHONE{number}")) for number in range(FEW + 3)]
    scene.bot.machine.receive([scene.ada.to(scene.bot, "m.dummy", {})])
    for stranger in strangers:
        stranger.meet(scene.bot)
        scene.bot.machine.receive([stranger.to(scene.bot, "m.dummy", {})])
        stranger.machine.store.close()
    ada = scene.ada.machine.account.identity_keys["curve25519"]
    assert sum(1 for _ in scene.bot.machine.session_store) == FEW + 1
    assert scene.bot.machine.session_store.get(ada) is not None
    assert sum(1 for _ in scene.restarted().session_store) == FEW + 1


def test_a_person_with_thousands_of_devices_has_some_of_them_and_those_signed_first(scene: Scene) -> None:
    shown = scene.ada.published["device_keys"]
    many = {f"D{number:05}": shown | {"device_id": f"D{number:05}"} for number in range(5_000)}
    first = screening._first(ADA, many | {"ZZZ": {"signatures": {ADA: {"ed25519:ZZZ": "", "ed25519:ssk": ""}}}})
    assert len(first) == screening.DEVICES
    assert first[0][0] == "ZZZ"
    assert first == screening._first(ADA, dict(reversed(list((many | {"ZZZ": first[0][1]}).items()))))


@pytest.mark.parametrize("field", ["room_id", "session_id"])
@pytest.mark.parametrize("value", ["!\0:test", "!\ud800:test", "!" + "x" * 70_000 + ":test", ""])
def test_a_key_whose_ids_no_database_could_hold_is_not_taken(scene: Scene, field: str, value: str) -> None:
    scene.ada.machine.create_outbound_group_session(ROOM)
    session = scene.ada.machine.outbound_group_sessions[ROOM]
    content = {"algorithm": screening.MEGOLM, "room_id": ROOM, "session_id": session.id}
    key = scene.ada.to(scene.bot, "m.room_key", content | {"session_key": session.session_key, field: value})
    assert scene.bot.machine.receive([key]) == frozenset()
    assert room_keys(scene.bot.machine) == 0
