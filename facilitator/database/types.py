"""Column types: instants that refuse naive values, wall times that refuse zones, JSON, sealed and blindly indexed text.

Each compiles to TEXT, INTEGER or BLOB on SQLite, whose tables are STRICT, and to its natural type on PostgreSQL.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import TIMESTAMP, ColumnElement, Dialect, LargeBinary, Text
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.sql.operators import OperatorType, eq, is_, is_not, ne
from sqlalchemy.types import TypeDecorator, TypeEngine

from facilitator.database.keys import KeyRing

Ring = Literal["people", "bridge"]


class Unfit(DontWrapMixin, ValueError):
    """This value may not go into that column. The message never holds the value."""


class RingMissing(DontWrapMixin, LookupError):
    """A sealed column was touched by a process that was not given its key ring."""


def give_rings(dialect: Dialect, rings: Mapping[str, KeyRing]) -> None:
    """Lay the rings with the dialect of one engine: nothing is global, another engine may hold others."""
    dialect.hearth_rings = dict(rings)  # type: ignore[attr-defined]


def ring_of(dialect: Dialect, name: str, label: str) -> KeyRing:
    ring: KeyRing | None = getattr(dialect, "hearth_rings", {}).get(name)
    if ring is None:
        raise RingMissing(f"{label} opens with {name}.key alone, and this process was not given it.")
    return ring


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. TIMESTAMPTZ, or fixed-width ISO text on SQLite so that comparing text compares instants."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise Unfit("An instant needs its time zone; this one is naive.")
        instant = value.astimezone(UTC)
        return instant if dialect.name == "postgresql" else instant.isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        instant: datetime = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return instant.astimezone(UTC)


class LocalDateTime(TypeDecorator[datetime]):
    """A wall time, to the second, of a zone that stands in another column."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is not None:
            raise Unfit("A wall time has no time zone; this one has.")
        if value.microsecond:
            raise Unfit("A wall time has whole seconds; this one has a fraction.")
        return value.isoformat(timespec="seconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Json(TypeDecorator[Any]):
    """Plain data as text. Changes inside a value are not noticed: assign a new one. None is NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else as_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)


class Sealed(TypeDecorator[Any]):
    """Text that only its key ring opens. Bound to `label` (table.column): moved elsewhere it does not open.

    It cannot be compared or sorted in SQL; equality is what a Blind column beside it is for.
    """

    impl = LargeBinary
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[Any]):
        def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> Any:
            if op in (eq, ne, is_, is_not) and (other[0] is None or isinstance(other[0], ColumnElement)):
                return super().operate(op, *other, **kwargs)
            raise Unfit("A sealed column cannot be compared or sorted in SQL; ask the blind index beside it.")

    comparator_factory = Comparator

    def __init__(self, label: str, ring: Ring = "people") -> None:
        super().__init__()
        self.label, self.ring = label, ring

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        return ring_of(dialect, self.ring, self.label).seal(self.as_text(value).encode(), self.label)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return self.from_text(ring_of(dialect, self.ring, self.label).open(bytes(value), self.label).decode())

    def as_text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit(f"{self.label} holds text, not {type(value).__name__}.")
        return value

    def from_text(self, text: str) -> Any:
        return text


class SealedJson(Sealed):
    """Plain data that only its key ring opens. Changes inside a value are not noticed: assign a new one."""

    cache_ok = True

    def as_text(self, value: Any) -> str:
        return as_json(value)

    def from_text(self, text: str) -> Any:
        return json.loads(text)


class Blinded(str):
    """What a Blind column gives back: not the text but its index. Handed to SQL again it is not hashed twice."""

    __slots__ = ()


class Blind(TypeDecorator[str]):
    """The blind index of a text, for equality: bind the plain text, it is hashed on its way.

    All columns of one `domain` share their hashes, so that they can be compared and joined with each other.
    """

    impl = Text
    cache_ok = True

    def __init__(self, domain: str, ring: Ring = "people") -> None:
        super().__init__()
        self.domain, self.ring = domain, ring

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or isinstance(value, Blinded):
            return None if value is None else str(value)
        return ring_of(dialect, self.ring, f"The index {self.domain}").blind(self.domain, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else Blinded(value)
