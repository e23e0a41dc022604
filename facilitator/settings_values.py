"""How what is written in hearth.toml becomes a frozen dataclass: each value by its field's type.

Done here and not by a library: both services keep for years whatever they load to read a page of settings.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Model = TypeVar("Model")
Check = Callable[[Any], Any]
At = tuple[str | int, ...]
"""Where in a table: names of settings, numbers in lists."""
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class Wrong(ValueError):
    """The value at this place is not what it should be; the words never hold it."""

    def __init__(self, at: At, why: str) -> None:
        super().__init__(why)
        self.at, self.why = at, why


class Missing(Wrong):
    """There is no value at this place and no usual one."""


@dataclass(frozen=True)
class First:
    """In an Annotated type: what is done before the value is taken for that type. A bare function there comes after."""

    prepare: Check


def setting(about: str, **more: Any) -> Any:
    """A field of a table and the sentence that says what it is."""
    return dataclasses.field(metadata={"about": about}, **more)


def about(model: Any) -> dict[str, str]:
    """The settings of a table, each with its sentence."""
    return {each.name: each.metadata.get("about", "") for each in dataclasses.fields(model)}


def within(least: int, most: int) -> Check:
    def checked(number: int) -> int:
        if not least <= number <= most:
            raise ValueError(f"it must be a number from {least} to {most}")
        return number

    return checked


@dataclass(frozen=True)
class Reading:
    """`folder`: what relative paths count from."""

    folder: Path

    def table(self, model: type[Model], given: Mapping[str, Any], at: At = ()) -> Model:
        """Raises Wrong, and whatever else the checks of its types raise."""
        kinds = get_type_hints(model, include_extras=True)
        values = {}
        for each in dataclasses.fields(model):  # type: ignore[arg-type]
            if each.name in given:
                values[each.name] = self.value(kinds[each.name], given[each.name], (*at, each.name))
            elif each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING:
                raise Missing((*at, each.name), "it is missing")
        for name in given:
            if name not in kinds:
                raise Wrong((*at, name), "there is no such setting")
        return model(**values)

    def value(self, kind: Any, given: Any, at: At) -> Any:
        if dataclasses.is_dataclass(kind):
            return self.table(kind, _checked(_mapping, given, at), at)  # type: ignore[arg-type]
        outer, parts = get_origin(kind), get_args(kind)
        if outer is Annotated:
            return self._annotated(parts[0], parts[1:], given, at)
        if outer is tuple:
            several = _checked(_list, given, at)
            return tuple(self.value(parts[0], each, (*at, number)) for number, each in enumerate(several, 1))
        if outer is Literal:
            return _checked(_one_of(parts), given, at)
        if outer in (Union, UnionType):
            return None if given is None else self.value(parts[0], given, at)
        return _checked(self._place if kind is Path else PLAIN[kind], given, at)

    def _annotated(self, kind: Any, steps: tuple[Any, ...], given: Any, at: At) -> Any:
        for step in steps:
            given = _checked(step.prepare, given, at) if isinstance(step, First) else given
        found = self.value(kind, given, at)
        for step in steps:
            found = found if isinstance(step, First) else _checked(step, found, at)
        return found

    def _place(self, given: Any) -> Path:
        return self.folder.absolute() / Path(given if isinstance(given, Path) else _text(given)).expanduser()


def _checked(check: Check, given: Any, at: At) -> Any:
    try:
        return check(given)
    except Wrong:
        raise
    except ValueError as error:
        raise Wrong(at, str(error)) from None


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError("it must be a text, in quotation marks")
    return given.strip()


def _number(given: Any) -> int:
    if isinstance(given, str) and given.strip().removeprefix("-").isdecimal():
        return int(given)
    if type(given) is not int:
        raise ValueError("it must be a whole number")
    return given


def _yes_or_no(given: Any) -> bool:
    said = str(given).strip().lower()
    if not isinstance(given, (bool, str)) or said not in YES + NO:
        raise ValueError("it must be true or false")
    return said in YES


def _day(given: Any) -> date:
    if type(given) is date:
        return given
    try:
        return date.fromisoformat(_text(given))
    except ValueError:
        raise ValueError("it must be a day, like 2026-11-22") from None


def _duration(given: Any) -> timedelta:
    assert isinstance(given, timedelta)  # its First made it one
    return given


def _list(given: Any) -> Any:
    if not isinstance(given, (list, tuple)):
        raise ValueError('it must be a list, like ["a", "b"]')
    return given


def _mapping(given: Any) -> Any:
    if not isinstance(given, Mapping):
        raise ValueError("it must be a table with names and values")
    return given


def _one_of(choices: tuple[Any, ...]) -> Check:
    def checked(given: Any) -> Any:
        if given not in choices:
            raise ValueError(f"it must be {' or '.join(map(str, choices))}")
        return given

    return checked


PLAIN: Mapping[Any, Check] = {
    str: _text, int: _number, bool: _yes_or_no, date: _day, timedelta: _duration
}  # fmt: skip
