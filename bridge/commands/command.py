"""What a command is, and how what a phone's keyboard makes of one is read."""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from facilitator.database import Db
from facilitator.ids import UserId
from facilitator.rooms import Place

AROUND = " \t\r\n\u00a0\u200b\ufeff\"'`´‘’“”„‚«»‹›*_.,:;?!¡¿…()[]"
MARKS = ("!", "！", "¡")
ALONE = frozenset({"help"})
"""Words that are a command even without the mark when they are the whole message in a group's room."""


@dataclass(frozen=True)
class Call:
    """Who asked, where and when. `sent_at`: by the sender's server."""

    db: Db = field(repr=False)
    place: Place
    sender: UserId = field(repr=False)
    sent_at: datetime
    now: datetime


@dataclass(frozen=True)
class Reply:
    """What the bot says to it: the name of an utterance and what it is about."""

    utterance: str
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Command:
    """`words`: how it may be called, the first being its name. `about`: its sentence in the list of commands."""

    words: tuple[str, ...]
    about: str
    reply: Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True)
class Asked:
    """A message read as a command. `marked`: it began with the mark, so an unknown word deserves an answer."""

    word: str
    marked: bool


def asked(body: str, *, direct: bool) -> Asked | None:
    """The command a message is, if it is one: "!help", "Help!", "‘ !Help ’"; in a direct room the bare word too.

    Only a message's only line counts, and long ones are talk, not commands.
    """
    text = unicodedata.normalize("NFKC", body).strip()
    if "\n" in text or len(text) > 40:
        return None
    quoted = text.strip(" \"'`´‘’“”„«»")
    marked = quoted.startswith(MARKS)
    words = [w for w in re.split(r"\s+", quoted.strip(AROUND).casefold()) if w]
    if not words:
        return None
    word = words[0].strip(AROUND)
    if marked and word.isalpha():
        return Asked(word, True)
    if len(words) == 1 and (direct or word in ALONE):
        return Asked(word, False)
    return None
