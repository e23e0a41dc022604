"""The demo's own hearth.toml, written anew at every start: what a host would write by hand, for one machine."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from deploy.demo import people
from deploy.demo.folder import Folder
from facilitator.database.keys import write_privately

NAME = "hearth.toml"


@dataclass(frozen=True, kw_only=True)
class Ports:
    panel: int
    homeserver: int
    health: int


def write(folder: Folder, ports: Ports, reminder_offsets: Iterable[timedelta] | None) -> Path:
    """Write the settings file, and the bot's password into a file beside it."""
    password_file = folder.path / "bot.password"
    write_privately(password_file, folder.password(people.BOT), over=True)
    path = folder.path / NAME
    write_privately(path, _text(ports, password_file, reminder_offsets), over=True)
    return path


def _text(ports: Ports, password_file: Path, reminder_offsets: Iterable[timedelta] | None) -> str:
    house: dict[str, object] = {
        "organisation": "Hearth demo",
        "emergency_number": "112",
        "data_dir": ".",
        "time_zone": local_zone(),
    }
    if reminder_offsets is not None:
        house["reminder_offsets"] = [f"{offset.total_seconds():.0f}s" for offset in reminder_offsets]
    bridge = {
        "homeserver": f"http://127.0.0.1:{ports.homeserver}",
        "user_id": people.user_id(people.BOT),
        "password_file": str(password_file),
        "health_port": ports.health,
    }
    web = {"port": ports.panel, "public_url": f"http://localhost:{ports.panel}"}
    parts = [
        "# Written by `hearth demo` at every start: what you change here does not stay.",
        _table("[house]", house),
        *(_table("[[house.crisis_lines]]", line) for line in CRISIS_LINES),
        _table("[bridge]", bridge),
        _table("[web]", web),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: str, values: dict[str, object]) -> str:
    return "\n".join([head, *(f"{name} = {json.dumps(value)}" for name, value in values.items())])


def _example_line(name: str, contact: str, hours: str, kind: str) -> dict[str, object]:
    checked = {"region": "nowhere", "language": "en", "verified_on": "2026-11-22", "verified_by": "the demo"}
    return {"name": name, "contact": contact, "hours": hours, "kind": kind, **checked}


CRISIS_LINES = (
    _example_line("Example crisis line", "000 000 (not real)", "day and night", "crisis"),
    _example_line("Example warmline", "000 001 (not real)", "6 to 10 in the evening", "warmline"),
)
"""No real lines: a demo stands anywhere, and a line of another country helps nobody."""


def local_zone() -> str:
    """This machine's time zone by its name; UTC where it does not say, or has no city's."""
    _, found, name = os.path.realpath("/etc/localtime").partition("/zoneinfo/")
    name = name.removeprefix("posix/").removeprefix("right/")
    return name if found and "/" in name and not name.startswith("Etc/") else "UTC"
