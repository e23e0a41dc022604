"""What was said once is said once, whatever a homeserver makes of it: under another id, as another's, elsewhere."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.heard import Message, Undecipherable, Unreadable
from bridge.matrix.events import Reader
from bridge.matrix.hardened import Machine
from facilitator.ids import MatrixRoomId
from tests.bridge.matrix.olm_people import ADA, BOT, EVE, ROOM, Device, machine, new_event_id

ELSEWHERE = MatrixRoomId("!elsewhere:test")


class Scene:
    """The bot, Ada who is known to it and has given it a room's key, and Eve."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, secrets.token_bytes(32)
        self.bot = Device(machine(folder, BOT, key=self._key))
        self.ada, self.eve = Device(machine(folder, ADA)), Device(machine(folder, EVE))
        for person in (self.ada, self.eve):
            person.meet(self.bot)
            self.bot.machine.learn_devices(person.keys)
        self.now: Machine = self.bot.machine
        self.now.receive([self.ada.give_key(self.bot)])

    def restart(self) -> None:
        self.now.store.close()
        self.now = machine(self._folder, BOT, key=self._key)

    def hear(self, event: dict[str, object], room: MatrixRoomId = ROOM) -> object:
        return Reader(self.now).heard(room, event)

    def close(self) -> None:
        for each in (self.now, self.ada.machine, self.eve.machine):
            each.store.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.close()


def test_the_same_words_under_another_id_are_no_message_at_all(scene: Scene) -> None:
    said = scene.ada.says("!close")
    assert isinstance(scene.hear(said), Message)
    assert isinstance(scene.hear(said), Message), "the same event is read as often as it comes"
    assert isinstance(scene.hear(said | {"event_id": new_event_id()}), Undecipherable)


def test_after_a_restart_they_have_the_cause_they_had_and_give_rise_to_nothing_new(scene: Scene) -> None:
    said = scene.ada.says("!close")
    first = scene.hear(said)
    scene.restart()
    again = scene.hear(said | {"event_id": new_event_id(), "origin_server_ts": 1_800_000_000_000})
    another = scene.hear(scene.ada.says("!close"))
    assert isinstance(first, Message)
    assert isinstance(again, Message)
    assert isinstance(another, Message)
    assert first.event_id != again.event_id
    assert first.cause == again.cause != another.cause


def test_words_are_not_heard_in_another_room_than_they_were_said_in(scene: Scene) -> None:
    said = scene.ada.says("!close")
    assert isinstance(scene.hear(said, ELSEWHERE), Unreadable)
    session = scene.ada.machine.outbound_group_sessions[ROOM]
    scene.ada.machine.outbound_group_sessions[ELSEWHERE] = session  # a member has the key, and can say it is another's
    scene.now.receive([scene.ada.give_key(scene.bot, ELSEWHERE, new=False)])
    later = scene.ada.says("!close")
    assert isinstance(scene.hear(later, ELSEWHERE), Undecipherable)
    assert isinstance(scene.hear(later), Message)


def test_words_said_to_be_another_persons_are_bound_to_no_device_of_theirs(scene: Scene) -> None:
    honest, forged = scene.hear(scene.ada.says("one")), scene.hear(scene.ada.says("two", sender=EVE))
    assert isinstance(honest, Message)
    assert isinstance(forged, Message)
    assert (honest.bound, forged.bound) == (True, False)


def test_a_room_key_said_to_be_another_persons_is_not_taken(scene: Scene) -> None:
    assert scene.now.receive([scene.eve.give_key(scene.bot, sender=ADA)]) == frozenset()
    assert isinstance(scene.hear(scene.eve.says("!close", sender=ADA)), Unreadable)


def test_a_room_key_whose_giver_and_homeserver_both_lie_binds_nothing(scene: Scene) -> None:
    scene.eve.machine.user_id = ADA  # what her client says inside, where her homeserver cannot look
    assert len(scene.now.receive([scene.eve.give_key(scene.bot)])) == 1
    said = scene.hear(scene.eve.says("!close"))
    assert isinstance(said, Message)
    assert (said.sender, said.bound, said.signed) == (ADA, False, False)


def test_a_room_key_with_somebody_elses_signing_key_binds_nothing(scene: Scene) -> None:
    """What her client says of its own signing key is only its word."""
    scene.now.create_group_session(
        scene.eve.machine.account.identity_keys["curve25519"],
        scene.ada.machine.account.identity_keys["ed25519"],
        ROOM,
        *_session_of(scene.eve),
    )
    said = scene.hear(scene.eve.says("!close"))
    assert isinstance(said, Message)
    assert not said.bound


def _session_of(device: Device) -> tuple[str, str]:
    device.machine.create_outbound_group_session(ROOM)
    session = device.machine.outbound_group_sessions[ROOM]
    return session.id, session.session_key


@pytest.mark.parametrize("claimed", ["eve", None, 3])
def test_what_an_event_says_of_its_sender_key_changes_nothing(scene: Scene, claimed: object) -> None:
    said = scene.ada.says("!close")
    keys = scene.eve.machine.account.identity_keys
    said["content"]["sender_key"] = keys["curve25519"] if claimed == "eve" else claimed
    heard = scene.hear(said)
    assert isinstance(heard, Message)
    assert heard.bound


def test_a_member_who_passes_anothers_key_off_as_her_own_takes_no_words_from_them(scene: Scene) -> None:
    session = scene.ada.machine.outbound_group_sessions[ROOM]
    scene.eve.machine.outbound_group_sessions[ROOM] = session
    scene.now.receive([scene.eve.give_key(scene.bot, new=False)])
    named, unnamed = scene.ada.says("one"), scene.ada.says("two")
    del unnamed["content"]["sender_key"]
    for said in (named, unnamed):
        heard = scene.hear(said)
        assert isinstance(heard, Message)
        assert heard.bound, "Ada's words are Ada's"


def test_nor_when_she_is_first_and_the_bot_starts_again(scene: Scene) -> None:
    scene.ada.machine.create_outbound_group_session(ELSEWHERE)
    session = scene.ada.machine.outbound_group_sessions[ELSEWHERE]
    scene.eve.machine.outbound_group_sessions[ELSEWHERE] = session
    scene.now.receive([scene.eve.give_key(scene.bot, ELSEWHERE, new=False)])
    scene.now.receive([scene.ada.give_key(scene.bot, ELSEWHERE, new=False)])
    for start in (False, True):
        if start:
            scene.restart()
        heard = scene.hear(scene.ada.says("one", ELSEWHERE), ELSEWHERE)
        assert isinstance(heard, Message)
        assert heard.bound
