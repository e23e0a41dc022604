"""What the doctor found: one sentence of what is, one of how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`WRONG` makes the exit status 1. `NOTE`: worth a thought, nobody is let down by it. `UNSEEN`: it could not be
    looked at, mostly because something else is wrong."""

    FINE = "fine"
    NOTE = "note"
    WRONG = "wrong"
    UNSEEN = "unseen"


@dataclass(frozen=True)
class Finding:
    """`check`: the code under which docs/hosting.md says more. Never holds a person's name or Matrix ID."""

    check: str
    level: Level
    says: str
    mend: str | None = None


def fine(check: str, says: str) -> Finding:
    return Finding(check, Level.FINE, says)


def note(check: str, says: str, mend: str) -> Finding:
    return Finding(check, Level.NOTE, says, mend)


def wrong(check: str, says: str, mend: str) -> Finding:
    return Finding(check, Level.WRONG, says, mend)


def unseen(check: str, says: str) -> Finding:
    return Finding(check, Level.UNSEEN, says)
