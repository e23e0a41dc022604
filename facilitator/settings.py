"""What both services need to know of their house: the table [house] of hearth.toml.

Read once, at the start; from then on values are passed, never looked up.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import URL

from facilitator.database import parse
from facilitator.errors import Misconfigured
from facilitator.rules.allowed_servers import server_name
from facilitator.settings_file import load, table_of
from facilitator.settings_values import First, setting

__all__ = ["CrisisLine", "Offset", "Settings", "load", "parse_offset", "read"]

LONGEST_OFFSET = timedelta(days=60)
LONGEST_WORD = 200
UNITS = {"d": "days", "h": "hours", "m": "minutes", "min": "minutes", "s": "seconds"}
PLAIN_OFFSET = re.compile(r"(\d+d)?(\d+h)?(\d+(?:m|min))?(\d+s)?")
ISO_OFFSET = re.compile(r"p(\d+d)?(?:t(\d+h)?(\d+m)?(\d+s)?)?")
PART = re.compile(r"(\d+)([a-z]+)")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")


def parse_offset(text: str) -> timedelta:
    """How long before a session: 24h, 20min, 90s, 1d, 1h30m, PT20M, or a bare number of minutes."""
    plain = re.sub(r"\s", "", text).lower()
    written = PLAIN_OFFSET.fullmatch(f"{plain}min" if plain.isdecimal() else plain) or ISO_OFFSET.fullmatch(plain)
    parts = PART.findall(" ".join(filter(None, written.groups()))) if written else []
    try:
        offset = sum((timedelta(**{UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except (OverflowError, ValueError):
        offset = timedelta.max
    if not timedelta() < offset <= LONGEST_OFFSET:
        raise Misconfigured(f"“{text[:40]}” is no time before a session: write it like 24h, 20min or 1h30m.")
    return offset


def separated(value: Any) -> Any:
    """One string with commas is a list, as environment variables have to say it."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def offset_of(value: Any) -> Any:
    """A bare number means minutes, written as text or not."""
    return value if isinstance(value, timedelta) else parse_offset(str(value))


def known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # the last is ZoneInfoNotFoundError
        raise ValueError("there is no such time zone; write one like Europe/Berlin") from None
    return name


def known_language(tag: str) -> str:
    if not LANGUAGE.fullmatch(tag):
        raise ValueError("a language is written like en or pt-BR")
    return tag


def known_database(url: str) -> str:
    parse(url)
    return url


def some(servers: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if servers == ():
        raise ValueError("it names no server, so nobody could be invited; take the line out to allow every server")
    return servers


def file_in(folder: Path) -> str:
    return URL.create("sqlite", database=str(folder / "hearth.db")).render_as_string(hide_password=False)


def word(text: str) -> str:
    if not 0 < len(text) <= LONGEST_WORD:
        raise ValueError(f"it must have 1 to {LONGEST_WORD} letters")
    return text


def at_least_one(several: tuple[str, ...]) -> tuple[str, ...]:
    if not several:
        raise ValueError("it must name at least one")
    return several


Offset = Annotated[timedelta, First(offset_of)]
Word = Annotated[str, word]
Language = Annotated[str, known_language]


@dataclass(frozen=True, kw_only=True)
class CrisisLine:
    """A line people can turn to. A warmline listens; it is not for danger. Checked by a named person, now and then."""

    name: Word
    contact: Word
    hours: Word
    kind: Literal["crisis", "warmline"]
    region: Word
    language: Language
    verified_on: date
    verified_by: Word


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The table [house]."""

    organisation: Word = setting("The organisation's name, as people know it.")
    emergency_number: Word = setting("What one dials where life is in danger, for example 112.")
    crisis_lines: tuple[CrisisLine, ...] = setting("The lines that !help shows.", default=())
    data_dir: Path = setting("The folder of the database and the keys.", default=Path("/var/lib/hearth"))
    database_url: Annotated[str, known_database] = setting(
        "sqlite:///file or postgresql://…; by default hearth.db in the data folder.",
        default="",
        repr=False,  # it may hold a password
    )
    people_key: Path = setting(
        "The key ring that seals names and Matrix IDs; by default people.key in the data folder.", default=None
    )
    languages: Annotated[tuple[Language, ...], First(separated), at_least_one] = setting(
        "The languages offered, the usual one first.", default=("en",)
    )
    time_zone: Annotated[str, known_zone] = setting(
        "The zone suggested to new groups, for example Europe/Berlin.", default="UTC"
    )
    allowed_servers: Annotated[tuple[Annotated[str, server_name], ...] | None, First(separated), some] = setting(
        "The homeservers whose people may be invited; without this line, those of every homeserver.", default=None
    )
    reminder_offsets: Annotated[tuple[Offset, ...], First(separated)] = setting(
        "How long before a session to remind.", default=(timedelta(hours=24), timedelta(minutes=20))
    )

    def __post_init__(self) -> None:
        """What is in the data folder unless it is said otherwise."""
        if not self.database_url:
            object.__setattr__(self, "database_url", file_in(self.data_dir))
        if self.people_key is None:
            object.__setattr__(self, "people_key", self.data_dir / "people.key")


def read(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """The table [house]. A password in a file that everybody may read is refused."""
    settings = load(path, "house", Settings, environment)
    if path is not None and "database_url" in table_of(path, "house") and parse(settings.database_url).password:
        refuse_readable(path)
    return settings


def refuse_readable(path: Path) -> None:
    if path.stat().st_mode & 0o007:
        raise Misconfigured(f"{path} holds the database's password and can be read by others: run `chmod 640 {path}`.")
