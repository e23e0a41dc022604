"""Write answers into hearth.toml: what is there stays as it is, remarks and all, and the file is changed whole or not.

TOML that is written anew loses its remarks, and those are half of what a settings file is for. So lines are put in
their places, and the outcome is read again and compared before it takes the old file's.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facilitator.errors import Misconfigured

EXAMPLE = Path(__file__).parent.parent / "settings.example.toml"
MODE = 0o640
Tables = Mapping[str, Mapping[str, str]]
HEADING = re.compile(r"^\s*\[(?!\[)\s*([\w.-]+)\s*\]", re.MULTILINE)
ANY_HEADING = re.compile(r"^\s*\[", re.MULTILINE)
VALUES = re.compile(r"^(organisation|emergency_number|homeserver|user_id|password_file|public_url) = ", re.MULTILINE)
CANNOT_MERGE = (
    "Hearth could not put its settings into {path} without changing something else in it. Write these lines there "
    "yourself, then run this again:\n{lines}"
)


def fresh() -> str:
    """The example without its values: those that must be there are written, the sample crisis line is not one."""
    text = EXAMPLE.read_text()
    start = text.index("[[house.crisis_lines]]")
    end = HEADING.search(text, start)
    assert end is not None
    sample = "".join(f"# {line}" if line.strip() else line for line in text[start : end.start()].splitlines(True))
    text = text[:start] + sample + text[end.start() :]
    return VALUES.sub(r"# \1 = ", text)


def merged(text: str, answers: Tables) -> str:
    for table, values in answers.items():
        for name, value in values.items():
            text = _put(text, table, f"{name} = ", f"{name} = {_quoted(value)}")
    return text


def write(path: Path, answers: Tables) -> bool:
    """Put the answers into the file; returns whether it changed. Raises Misconfigured, and then it has not."""
    is_new = not path.exists()
    before = fresh() if is_new else _read(path)
    after = merged(before, answers)
    if not _is_sound(before, after, answers):
        raise Misconfigured(CANNOT_MERGE.format(path=path, lines=as_lines(answers)))
    if after == before and not is_new:
        return False
    _replace(path, after, mode=MODE if is_new else path.stat().st_mode & 0o777 & MODE)
    return True


def refuse_unwritable(path: Path) -> None:
    """Before anything is made. Raises Misconfigured."""
    folder = path.parent.absolute()
    if not folder.is_dir():
        raise Misconfigured(f"There is no folder {folder} to put {path.name} into: make it, or name another file.")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise Misconfigured(f"{path} cannot be written by this account: see whose folder {folder} is, or name another.")


def as_lines(answers: Tables) -> str:
    tables = (
        "\n".join([f"[{table}]", *(f"{name} = {_quoted(value)}" for name, value in values.items())])
        for table, values in answers.items()
        if values
    )
    return "\n".join(tables)


def _read(path: Path) -> str:
    try:
        text = path.read_text()
        tomllib.loads(text)
    except OSError as error:
        raise Misconfigured(f"The settings file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The settings file {path} is not well-formed TOML: {error}.") from None
    return text


def _put(text: str, table: str, opening: str, line: str) -> str:
    """Replace the setting's line, or the remark that shows it, or add it beneath its table's heading."""
    heading = next((found for found in HEADING.finditer(text) if found.group(1) == table), None)
    if heading is None:
        return f"{text.rstrip()}\n\n[{table}]\n{line}\n".lstrip()
    start = text.index("\n", heading.end()) + 1 if "\n" in text[heading.end() :] else len(text)
    following = ANY_HEADING.search(text, start)
    end = following.start() if following else len(text)
    name = opening.removesuffix(" = ")
    for remark in ("", r"#\s*"):
        pattern = re.compile(rf"^{remark}{re.escape(name)}\s*=.*$", re.MULTILINE)
        found = pattern.search(text, start, end)
        if found:
            return text[: found.start()] + line + text[found.end() :]
    if start == len(text) and not text.endswith("\n"):
        text, start = f"{text}\n", len(text) + 1
    return f"{text[:start]}{line}\n{text[start:]}"


def _is_sound(before: str, after: str, answers: Tables) -> bool:
    """Whether the new text is the old one with the answers in it and nothing else changed."""
    expected: dict[str, Any] = tomllib.loads(before)
    for table, values in answers.items():
        expected.setdefault(table, {}).update(values)
    try:
        return tomllib.loads(after) == expected
    except tomllib.TOMLDecodeError:
        return False


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'


def _replace(path: Path, text: str, *, mode: int) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
