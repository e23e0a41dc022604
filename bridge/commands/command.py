"""What a command is, and how what a phone's keyboard makes of one is read."""

import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from facilitator.database import Db
from facilitator.ids import UserId
from facilitator.rooms import Place

AROUND = " \t\r\n\u00a0\"'`‘’“”„‚«»‹›*_.,:;?!¡¿…()[]。、"
BEFORE = " \t\r\n\u00a0\"'`‘’“”„‚«»‹›*_"
"""What may stand before the mark."""
MARKS = ("!", "¡")
AS_IF = str.maketrans("´❗❕", "'!!", "\u200b\u200e\u200f\u2060\u2066\u2067\u2068\u2069\ufe0f\ufeff")
"""What keyboards write instead, and what nobody sees. The full-width mark becomes ours by NFKC."""
CALLS_FOR_HELP = ("sos", "hilfe", "مساعدة")
"""Besides "help", which every catalogue names: the word of each language spoken here, wherever it is written."""
ALONE = frozenset({"help", *CALLS_FOR_HELP[1:]})
"""Words that are a command even without the mark when they are the whole message in a group's room."""
ALWAYS = frozenset({"help", *CALLS_FOR_HELP})
"""Words that with their mark are a command however much is written after them: a cry for help may be long."""
LONGEST = 40


@dataclass(frozen=True)
class Call:
    """Who asked, where and when. `sent_at`: by the sender's server; `signed`: the device that asked is one its owner
    has confirmed; `text`: the whole of what was written."""

    db: Db = field(repr=False)
    place: Place
    sender: UserId = field(repr=False)
    sent_at: datetime
    now: datetime
    signed: bool = False
    text: str = field(default="", repr=False)


@dataclass(frozen=True)
class Reply:
    """What the bot says to it: the name of an utterance and what it is about. `lasts`: how long it is worth saying."""

    utterance: str
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lasts: timedelta | None = None


@dataclass(frozen=True)
class Command:
    """`words`: how it may be called, the first being its name. `about`: its sentence in the list of commands.
    `changes`: more comes of it than an answer, so that it is not done anew when it is heard again. `everybodys`: it is
    listed in every room, not only where facilitators are. `reply`: None where it was no command after all."""

    words: tuple[str, ...]
    about: str
    reply: Callable[[Call], Awaitable[Reply | None]]
    changes: bool = False
    everybodys: bool = True


@dataclass(frozen=True)
class Asked:
    """A message read as a command. `marked`: it began with the mark, so an unknown word deserves an answer. (A Spanish
    exclamation begins with "¡" and deserves none.)"""

    word: str
    marked: bool


def asked(body: str, *, direct: bool) -> Asked | None:
    """The command a message is, if it is one: "!help", "Help!", "‘ !Help ’"; in a direct room the bare word too.

    Only a message's only line counts, and long ones are talk, not commands; but marked help is help in any of them.
    """
    text = unicodedata.normalize("NFKC", body.translate(AS_IF)).strip()
    short = "\n" not in text and len(text) <= LONGEST
    quoted = text.strip(BEFORE)
    words = quoted.strip(AROUND).casefold().split()
    word = words[0].strip(AROUND) if words else ""
    if quoted.startswith(MARKS) and word.isalpha() and (short or word in ALWAYS):
        return Asked(word, marked=quoted[0] == "!")
    if word and short and len(words) == 1 and (direct or word in ALONE):
        return Asked(word, marked=False)
    return None
