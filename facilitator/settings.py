"""What both services need to know of their house: the table [house] of hearth.toml.

Read once, at the start; from then on values are passed, never looked up.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import URL

from facilitator.database import parse
from facilitator.errors import Misconfigured
from facilitator.rules import small_numbers
from facilitator.rules.allowed_servers import server_name
from facilitator.settings_file import Place, load, table_of

__all__ = ["CrisisLine", "Offset", "Place", "Settings", "load", "parse_offset", "read"]

LONGEST_OFFSET = timedelta(days=60)
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


Offset = Annotated[timedelta, BeforeValidator(offset_of)]
Word = Annotated[str, Field(min_length=1, max_length=200)]


class CrisisLine(BaseModel):
    """A line people can turn to. A warmline listens; it is not for danger. Checked by a named person, now and then."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: Word
    contact: Word
    hours: Word
    kind: Literal["crisis", "warmline"]
    region: Word
    language: Annotated[str, AfterValidator(known_language)]
    verified_on: date
    verified_by: Word


class Settings(BaseModel):
    """The table [house]."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    organisation: Word = Field(description="The organisation's name, as people know it.")
    emergency_number: Word = Field(description="What one dials where life is in danger, for example 112.")
    crisis_lines: tuple[CrisisLine, ...] = Field(default=(), description="The lines that !help shows.")
    data_dir: Place = Field(default=Path("/var/lib/hearth"), description="The folder of the database and the keys.")
    database_url: Annotated[str, AfterValidator(known_database)] = Field(
        default_factory=lambda data: file_in(data["data_dir"]),
        description="sqlite:///file or postgresql://…; by default hearth.db in the data folder.",
        repr=False,  # it may hold a password
    )
    people_key: Place = Field(
        default_factory=lambda data: data["data_dir"] / "people.key",
        description="The key ring that seals names and Matrix IDs; by default people.key in the data folder.",
    )
    languages: Annotated[
        tuple[Annotated[str, AfterValidator(known_language)], ...], BeforeValidator(separated), Field(min_length=1)
    ] = Field(default=("en",), description="The languages offered, the usual one first.")
    time_zone: Annotated[str, AfterValidator(known_zone)] = Field(
        default="UTC", description="The zone suggested to new groups, for example Europe/Berlin."
    )
    allowed_servers: Annotated[
        tuple[Annotated[str, AfterValidator(server_name)], ...] | None, BeforeValidator(separated), AfterValidator(some)
    ] = Field(
        default=None,
        description="The homeservers whose people may be invited; without this line, those of every homeserver.",
    )
    reminder_offsets: Annotated[tuple[Offset, ...], BeforeValidator(separated)] = Field(
        default=(timedelta(hours=24), timedelta(minutes=20)), description="How long before a session to remind."
    )
    smallest_number: int = Field(
        default=small_numbers.USUAL,
        ge=small_numbers.FEWEST,
        le=100,
        description="Fewer people than this are never shown as a number; at least 5.",
    )


def read(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """The table [house]. A password in a file that everybody may read is refused."""
    settings = load(path, "house", Settings, environment)
    if path is not None and "database_url" in table_of(path, "house") and parse(settings.database_url).password:
        refuse_readable(path)
    return settings


def refuse_readable(path: Path) -> None:
    if path.stat().st_mode & 0o007:
        raise Misconfigured(f"{path} holds the database's password and can be read by others: run `chmod 640 {path}`.")
