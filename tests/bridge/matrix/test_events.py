"""Events become values; whatever anybody writes, nothing raises."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.heard import InvitedUs, MembershipChanged, Message, StateChanged, Undecipherable, Unreadable
from bridge.matrix.events import Reader, invited_us, without_reply_fallback
from bridge.matrix.hardened import Machine
from bridge.matrix.keystore import KeyStore
from bridge.matrix.screening import MEGOLM
from facilitator.ids import MatrixRoomId, UserId

BOT, ADA, BEN = UserId("@hearth:test"), UserId("@ada:test"), UserId("@ben:test")
ROOM = MatrixRoomId("!room")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    machine = Machine(BOT, "DEVICE", KeyStore(tmp_path / "k.db", secrets.token_bytes(32)).open(BOT, "DEVICE"))
    yield Reader(machine)
    machine.store.close()


def event(kind: str = "m.room.message", **changes: Any) -> dict[str, Any]:
    usual = {
        "type": kind,
        "event_id": "$one",
        "sender": ADA,
        "origin_server_ts": 1_700_000_000_000,
        "content": {"msgtype": "m.text", "body": "hello"},
    }
    return usual | changes


def test_words_in_clear_are_heard_as_not_encrypted(reader: Reader) -> None:
    said = reader.heard(ROOM, event())
    assert said == Message(
        room=ROOM,
        event_id="$one",
        sender=ADA,
        sent_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        body="hello",
        encrypted=False,
    )


@pytest.mark.parametrize(
    "none_of_ours",
    [
        event(sender=BOT),
        event(content={}),
        event("m.reaction", content={"m.relates_to": {"key": "👍"}}),
        event("m.room.redaction", redacts="$x"),
        event(content={"msgtype": "m.key.verification.request", "body": "wants to verify", "to": BOT}),
        event(content={"msgtype": "m.text", "body": "* now", "m.relates_to": {"rel_type": "m.replace"}}),
        event(event_id=None),
        event(sender=3),
        "words",
    ],
)
def test_our_own_words_edits_verifications_and_the_unknown_are_not_messages(reader: Reader, none_of_ours: Any) -> None:
    assert reader.heard(ROOM, none_of_ours) is None


@pytest.mark.parametrize(
    "broken",
    [
        event(content={"msgtype": "m.text"}),
        event(content={"msgtype": 3, "body": "x"}),
        event(content={"msgtype": "m.text", "body": ["x"]}),
        event(content="words"),
        event(content={"msgtype": "m.text", "body": "x", "m.relates_to": "x"}),
        event("m.room.encrypted", content={"algorithm": "unheard of"}),
        event("m.room.encrypted", content={"algorithm": MEGOLM}),
        event("m.room.encrypted", content={"algorithm": MEGOLM, "session_id": ["x"], "sender_key": "y"}),
        event("m.room.member", state_key=ADA, content={}),
        event("m.room.member", state_key=ADA, content={"membership": "asleep"}),
        event("m.room.member", state_key=ADA, content={"membership": ["join"]}),
        event("m.room.name", state_key=3),
    ],
)
def test_the_malformed_is_undecipherable_and_counted(reader: Reader, broken: dict[str, Any]) -> None:
    assert isinstance(reader.heard(ROOM, broken), Undecipherable)
    assert reader.machine.faults["room_event"] >= 1


def test_an_encrypted_event_without_its_key_waits(reader: Reader) -> None:
    content = {"algorithm": MEGOLM, "session_id": "s", "sender_key": "k", "ciphertext": "x"}
    said = reader.heard(ROOM, event("m.room.encrypted", content=content))
    assert isinstance(said, Unreadable)
    assert said.session_id == "s"


def test_a_membership_says_what_it_was_before(reader: Reader) -> None:
    member = event(
        "m.room.member",
        state_key=BEN,
        content={"membership": "leave"},
        unsigned={"prev_content": {"membership": "join"}},
    )
    said = reader.heard(ROOM, member)
    assert isinstance(said, MembershipChanged)
    assert (said.user, said.membership, said.before, said.by_themselves) == (BEN, "leave", "join", False)
    first = reader.heard(ROOM, event("m.room.member", state_key=ADA, content={"membership": "join"}))
    assert isinstance(first, MembershipChanged)
    assert (first.before, first.by_themselves) == ("leave", True)


def test_other_state_is_named_and_not_judged(reader: Reader) -> None:
    said = reader.heard(ROOM, event("m.room.name", state_key="", content={"name": "ours"}))
    assert isinstance(said, StateChanged)
    assert (said.type, said.state_key) == ("m.room.name", "")


@pytest.mark.parametrize("ts", [None, "x", -1, 10**18, 1.5, True])
def test_an_impossible_time_does_not_stop_it(reader: Reader, ts: Any) -> None:
    assert isinstance(reader.heard(ROOM, event(origin_server_ts=ts)), Message)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
PARTS = ["type", "event_id", "sender", "origin_server_ts", "content", "state_key", "unsigned"]
KINDS = st.sampled_from(["m.room.message", "m.room.encrypted", "m.room.member", "m.room.name"])
CONTENTS = st.dictionaries(
    st.sampled_from(["algorithm", "session_id", "sender_key", "ciphertext", "membership", "body", "m.relates_to"]),
    JSON | st.just(MEGOLM),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=KINDS, content=CONTENTS, broken=st.dictionaries(st.sampled_from(PARTS), JSON, max_size=2))
def test_nothing_anybody_writes_raises(reader: Reader, kind: str, content: Any, broken: dict[str, Any]) -> None:
    reader.heard(ROOM, event(kind, content=content) | broken)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("> <@ada:test> shall we?\n> at seven\n\n!help", "!help"),
        ("> <@ada:test> shall we?\n\nmine\n\n> and this is mine", "mine\n\n> and this is mine"),
        ("no quotation", "no quotation"),
        (">no quotation either", ">no quotation either"),
        ("> <@ada:test> only this", ""),
    ],
)
def test_what_a_reply_quotes_is_not_its_words(body: str, words: str) -> None:
    assert without_reply_fallback(body) == words


def test_only_replies_lose_a_quotation(reader: Reader) -> None:
    quoted = "> what I say\n\nmine"
    plain = reader.heard(ROOM, event(content={"msgtype": "m.text", "body": quoted}))
    relation = {"m.in_reply_to": {"event_id": "$x"}}
    reply = reader.heard(ROOM, event(content={"msgtype": "m.text", "body": quoted, "m.relates_to": relation}))
    assert isinstance(plain, Message)
    assert isinstance(reply, Message)
    assert (plain.body, reply.body) == (quoted, "mine")


def test_an_invitation_is_read_from_its_stripped_state() -> None:
    ours = {
        "type": "m.room.member",
        "state_key": BOT,
        "sender": ADA,
        "content": {"membership": "invite", "is_direct": True},
    }
    encryption = {"type": "m.room.encryption", "state_key": "", "sender": ADA, "content": {"algorithm": MEGOLM}}
    assert invited_us(ROOM, [encryption, {"type": 3}, ours], BOT) == InvitedUs(ROOM, ADA, direct=True, encrypted=True)
    assert invited_us(ROOM, [encryption], BOT) is None
    assert invited_us(ROOM, [ours | {"sender": "@\ud800:test"}], BOT) is None
    assert invited_us(ROOM, [], BOT) is None
