"""What Ben's phone reports, for people to read: whether it warns, and nothing that could speak to the terminal."""

import pytest

from deploy.demo.ben import heard
from deploy.peer import Line

MESSAGE = {"event": "message", "encrypted": True, "shield": "none", "shield_reason": None, "body": "See you today."}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (MESSAGE, "Ben's phone decrypted, no warning: See you today."),
        (MESSAGE | {"encrypted": False}, "Ben's phone shows a message that was NOT encrypted: See you today."),
        (
            MESSAGE | {"shield": "red", "shield_reason": 3},
            "Ben's phone decrypted, and warns (3): See you today.",
        ),
        ({"event": "unreadable", "code": "WITHHELD"}, "Ben's phone could not read a message (WITHHELD)."),
        ({"event": "unreadable", "code": "HISTORICAL_MESSAGE_NO_KEY_BACKUP"}, None),
        ({"event": "membership", "membership": "join"}, "Ben's phone has joined a room."),
        ({"event": "membership", "membership": "leave"}, None),
    ],
)  # fmt: skip
def test_each_report_has_its_sentence(line: Line, told: str | None) -> None:
    assert heard(line) == told


def test_a_message_of_several_lines_stays_together() -> None:
    assert (
        heard(MESSAGE | {"body": "Hello.\n\nRead first."})
        == "Ben's phone decrypted, no warning: Hello.\n    Read first."
    )


def test_what_somebody_wrote_cannot_speak_to_the_terminal() -> None:
    told = heard(MESSAGE | {"body": "\x1b[2Jgone\x07"})
    assert told is not None
    assert told.endswith("\N{REPLACEMENT CHARACTER}[2Jgone\N{REPLACEMENT CHARACTER}")
