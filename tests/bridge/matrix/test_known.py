"""What is kept of a room: encryption is never lowered, keys last as the room asks."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.matrix.homeserver import KnownRoom
from bridge.matrix.keystore import KeyStore
from bridge.matrix.known import Room, Rooms
from bridge.matrix.ratchets import OlmAccount
from bridge.matrix.remembered import Remembered
from bridge.matrix.screening import MEGOLM
from facilitator.ids import MatrixRoomId, UserId

ROOM = MatrixRoomId("!room")


def encryption(**content: Any) -> dict[str, Any]:
    return {"type": "m.room.encryption", "state_key": "", "content": content}


def test_encryption_once_seen_is_never_lowered() -> None:
    room = Room(ROOM)
    room.hear(encryption(algorithm="of somebody's own"))
    assert not room.encrypted
    room.hear(encryption(algorithm=MEGOLM))
    room.hear(encryption(algorithm="none"))
    room.hear(encryption())
    assert room.encrypted
    Rooms().remember([KnownRoom(ROOM, {})])


@pytest.mark.parametrize(
    ("content", "messages", "lasts"),
    [
        ({}, 100, timedelta(days=7)),
        ({"rotation_period_msgs": 3, "rotation_period_ms": 7_200_000}, 3, timedelta(hours=2)),
        ({"rotation_period_msgs": 0, "rotation_period_ms": 1}, 1, timedelta(hours=1)),
        ({"rotation_period_msgs": 10**9, "rotation_period_ms": "x"}, 10_000, timedelta(days=7)),
        ({"rotation_period_msgs": True, "rotation_period_ms": None}, 100, timedelta(days=7)),
    ],
)
def test_a_key_lasts_as_the_room_asks_within_reason(content: dict[str, Any], messages: int, lasts: timedelta) -> None:
    room = Room(ROOM)
    room.hear(encryption(algorithm=MEGOLM, **content))
    assert (room.messages_per_key, room.key_lasts) == (messages, lasts)


def test_who_joins_and_leaves_is_kept_up_only_once_it_was_asked() -> None:
    def member(user: str, membership: str) -> dict[str, Any]:
        return {"type": "m.room.member", "state_key": user, "content": {"membership": membership}}

    room = Room(ROOM)
    room.hear(member("@ada:test", "join"))
    assert room.joined is None
    room.joined = {"@ada:test"}
    for change in (member("@ben:test", "invite"), member("@cleo:test", "join"), member("@ada:test", "ban")):
        room.hear(change)
    assert room.joined == {"@cleo:test"}


def test_an_answer_from_before_somebody_left_does_not_bring_them_back() -> None:
    gone = {"type": "m.room.member", "state_key": "@ben:test", "content": {"membership": "leave"}}
    room = Room(ROOM)
    asked_at = room.news
    room.hear(gone)
    room.learn_if_latest({"@ada:test", "@ben:test"}, asked_at=asked_at)
    assert room.joined is None, "it is asked anew"
    room.learn_if_latest({"@ada:test"}, asked_at=room.news)
    asked_at = room.news
    room.hear(gone)
    room.learn_if_latest({"@ada:test", "@ben:test"}, asked_at=asked_at)
    assert room.joined == {"@ada:test"} and not room.new_key


def test_who_comes_and_another_history_make_it_a_new_key_and_nothing_else_does() -> None:
    def member(user: str, membership: str) -> dict[str, Any]:
        return {"type": "m.room.member", "state_key": user, "content": {"membership": membership}}

    def history(seen: str) -> dict[str, Any]:
        return {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": seen}}

    room = Room(ROOM)
    room.learn({"@ada:test"})
    room.hear(history("joined"))
    for nothing in (member("@ada:test", "join"), member("@ben:test", "invite"), history("joined")):
        room.hear(nothing)
        assert not room.new_key
    room.learn(set())
    assert not room.new_key, "who is gone is seen by what they hold"
    room.learn({"@cleo:test"})
    assert room.new_key
    room.new_key = False
    room.hear(member("@ada:test", "join"))
    assert room.new_key
    room.new_key = False
    room.hear(history("shared"))
    assert room.new_key


def test_who_was_in_a_thousand_rooms_is_asked_once_at_a_start(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keystore.db", bytes(range(32))).open(UserId("@bot:test"), "BOT")
    store.save_account(OlmAccount())
    rooms = [MatrixRoomId(f"!room{number}") for number in range(1_000)]
    remembered = Remembered(store)
    remembered.keep_joined({room: {"@ada:test", f"@ben:{room[1:]}"} for room in rooms[:-1]})
    asked: list[str] = []
    store.database.connection().set_trace_callback(asked.append)
    known = Rooms(remembered)
    known.remember(KnownRoom(room, {"algorithm": MEGOLM}, all_devices=False) for room in rooms)
    assert len(asked) == 1
    assert known[rooms[7]].joined == {"@ada:test", "@ben:room7"} and known[rooms[-1]].joined is None
    store.close()
