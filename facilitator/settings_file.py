"""How any table of hearth.toml becomes a frozen model: file first, environment variables over it.

A wrong or missing setting stops the start with one sentence that names it and its mend, and never shows its value.
"""

import dataclasses
import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, TypeAdapter, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails

from facilitator.errors import Misconfigured

Model = TypeVar("Model")


def placed(path: Path, info: ValidationInfo) -> Path:
    """A relative path is meant from the settings file."""
    folder: Path = (info.context or {}).get("folder", Path())
    return folder.absolute() / path.expanduser()


Place = Annotated[Path, AfterValidator(placed)]
"""A path; a relative one counts from the folder of the settings file."""


def load(path: Path | None, table: str, model: type[Model], environment: Mapping[str, str] | None = None) -> Model:
    """One table of hearth.toml as `model` (pydantic or a dataclass), environment variables before the file.

    [house] languages is HEARTH_LANGUAGES there, [web] port HEARTH_WEB_PORT; lists as in TOML. Raises Misconfigured.
    """
    where = f"in {path}" if path else "in hearth.toml"
    names = names_of(model)
    given = {} if path is None else table_of(path, table)
    refuse_unknown(given, names, table, where)
    prefix = "HEARTH_" if table == "house" else f"HEARTH_{table.upper()}_"
    outside = os.environ if environment is None else environment  # noqa: TID251 - this is the settings' own home
    over = {name: from_text(outside[key], key) for name in names if (key := prefix + name.upper()) in outside}
    try:
        folder = Path() if path is None else path.parent
        return TypeAdapter(model).validate_python({**given, **over}, context={"folder": folder})
    except ValidationError as error:
        raise Misconfigured(sentence(error.errors()[0], table, prefix, where)) from None


def names_of(model: type[object]) -> list[str]:
    """The settings a pydantic model or a dataclass has."""
    if dataclasses.is_dataclass(model):
        return [field.name for field in dataclasses.fields(model)]
    if issubclass(model, BaseModel):
        return list(model.model_fields)
    raise TypeError(f"{model.__name__} is neither a pydantic model nor a dataclass")


def refuse_unknown(given: Mapping[str, Any], names: Sequence[str], table: str, where: str) -> None:
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


def sentence(error: ErrorDetails, table: str, prefix: str, where: str) -> str:
    """Names the setting and the mend, and never shows what was given: it may be a secret."""
    name = ".".join(str(part + 1) if isinstance(part, int) else part for part in error["loc"])
    if error["type"] == "missing":
        instead = f", or set {prefix}{name.upper()}" if len(error["loc"]) == 1 else ""
        return f"The setting [{table}] {name} is missing: write it {where}{instead}."
    told = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"]
    return f"The setting [{table}] {name} ({where}) is wrong: {told[:1].lower()}{told[1:]}."
