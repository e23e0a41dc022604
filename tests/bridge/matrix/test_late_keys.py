"""What is owed to people whose server gave no answer: the key from the first word they missed, while they are in."""

from types import SimpleNamespace
from typing import Any

from bridge.matrix.late_keys import AT_MOST, Debts, RoomKey
from facilitator.ids import MatrixRoomId

ROOM = MatrixRoomId("!maple")
BEN, CLEO = "@ben:test", "@cleo:far.example"


def session(name: str = "s", at: int = 0) -> Any:
    """A session whose key says at which message it was taken."""
    return SimpleNamespace(id=name, session_key=f"{name} from {at}")


def say(debts: Debts, one: Any, at: int, *missing: str) -> None:
    one.session_key = f"{one.id} from {at}"
    debts.owe(ROOM, one, missing)


def test_who_missed_two_words_is_owed_the_key_from_the_first_of_them() -> None:
    debts, one = Debts(), session()
    say(debts, one, 3, CLEO)
    say(debts, one, 4, CLEO, BEN)
    say(debts, one, 5)
    assert debts.key_for(CLEO, ROOM, one) == RoomKey("s", "s from 3")
    assert debts.key_for(BEN, ROOM, one) == RoomKey("s", "s from 4")
    assert debts.key_for("@new:test", ROOM, one) == RoomKey("s", "s from 5")


def test_nothing_is_remembered_where_everybody_was_reached() -> None:
    debts = Debts()
    say(debts, session(), 0)
    assert not debts and debts.rooms == []


def test_who_left_is_owed_nothing_also_when_they_come_back() -> None:
    debts, one = Debts(), session()
    say(debts, one, 3, CLEO)
    debts.only(ROOM, {BEN})
    debts.only(ROOM, {BEN, CLEO})
    assert debts.key_for(CLEO, ROOM, one).session_key == "s from 3" and not debts, "what a newcomer gets is today's key"
    say(debts, one, 9)
    assert debts.key_for(CLEO, ROOM, one).session_key == "s from 9"


def test_a_debt_is_settled_person_by_person_and_session_by_session() -> None:
    debts, old, new = Debts(), session("old"), session("new")
    say(debts, old, 0, CLEO, BEN)
    say(debts, new, 0, CLEO)
    for owed in debts.of(ROOM):
        debts.settle(ROOM, owed, [CLEO])
    assert debts.people(ROOM) == {BEN}
    assert [owed.session for owed in debts.of(ROOM)] == [old]
    debts.settle(ROOM, debts.of(ROOM)[0], [BEN])
    assert not debts


def test_a_server_that_never_comes_back_costs_no_more_than_so_much() -> None:
    debts = Debts()
    for number in range(AT_MOST + 5):
        say(debts, session(str(number)), 0, CLEO)
    assert len(debts.of(ROOM)) == AT_MOST
    assert debts.of(ROOM)[0].session.id == "5"
