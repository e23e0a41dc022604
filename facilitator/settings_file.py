"""How any table of hearth.toml becomes a frozen model: file first, environment variables over it.

A wrong or missing setting stops the start with one sentence that names it and its mend, and never shows its value.
"""

import difflib
import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from facilitator.errors import Misconfigured
from facilitator.settings_values import Missing, Reading, Wrong, about

Model = TypeVar("Model")


def load(path: Path | None, table: str, model: type[Model], environment: Mapping[str, str] | None = None) -> Model:
    """One table of hearth.toml as `model`, a dataclass: environment variables before the file.

    [house] languages is HEARTH_LANGUAGES there, [web] port HEARTH_WEB_PORT; lists as in TOML. Raises Misconfigured.
    """
    where = f"in {path}" if path else "in hearth.toml"
    names = about(model)
    given = {} if path is None else table_of(path, table)
    refuse_unknown(given, names, table, where)
    prefix = "HEARTH_" if table == "house" else f"HEARTH_{table.upper()}_"
    outside = os.environ if environment is None else environment  # noqa: TID251 - this is the settings' own home
    over = {name: from_text(outside[key], key) for name in names if (key := prefix + name.upper()) in outside}
    try:
        return Reading(Path() if path is None else path.parent).table(model, {**given, **over})
    except Wrong as error:
        raise Misconfigured(sentence(error, table, prefix, where)) from None


def refuse_unknown(given: Mapping[str, Any], names: Collection[str], table: str, where: str) -> None:
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            mend = f"did you mean {near[0]}?" if near else "take it out."
            raise Misconfigured(f"There is no setting [{table}] {name} ({where}): {mend}")


def table_of(path: Path, table: str) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = tomllib.load(file).get(table, {})
    except FileNotFoundError:
        raise Misconfigured(f"The settings file {path} is missing: put one there, or name another.") from None
    except OSError as error:
        raise Misconfigured(f"The settings file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The settings file {path} is not well-formed TOML: {error}.") from None
    if not isinstance(found, dict):
        raise Misconfigured(f"[{table}] must be a table in {path}: write its settings beneath a line [{table}].")
    return found


def from_text(text: str, key: str) -> Any:
    """Lists and tables of an environment variable are TOML; all else is text, which the model understands."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise Misconfigured(
            f'The environment variable {key} is not well-formed: write a list like ["a", "b"].'
        ) from None


def sentence(error: Wrong, table: str, prefix: str, where: str) -> str:
    """Names the setting and the mend, and never shows what was given: it may be a secret."""
    name = ".".join(map(str, error.at))
    if isinstance(error, Missing):
        instead = f", or set {prefix}{name.upper()}" if len(error.at) == 1 else ""
        return f"The setting [{table}] {name} is missing: write it {where}{instead}."
    return f"The setting [{table}] {name} ({where}) is wrong: {error.why[:1].lower()}{error.why[1:]}."
