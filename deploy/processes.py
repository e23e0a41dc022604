"""Start a program in a process group of its own, notice when it ends, and leave nothing of it running.

A group of its own keeps the terminal's Ctrl-C from reaching it, so that whoever started it stops it in order.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from facilitator.clock import Clock

STOP_WITHIN = timedelta(seconds=10)
LOOK_EVERY = timedelta(milliseconds=50)
SHOWN = 300
EVERYDAY = ("debug", "info", "warning")
DATED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ (DEBUG|INFO|WARNING) ")
"""How a line of Python's own logging begins: the homeserver opens its log with its licence, as warnings."""


@dataclass(frozen=True)
class Service:
    """A program that runs. `name` is how people are told of it, with its article."""

    name: str
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None


def start(name: str, command: Sequence[str], *, folder: Path, log: Path) -> Service:
    """Start it in `folder`; what it says goes to `log`. Nothing secret belongs in `command`: others can read it."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    return Service(name, log, process)


async def stop(process: subprocess.Popen[bytes], clock: Clock) -> None:
    """End its whole process group: kindly, then not. Harmless when it has ended already."""
    for message in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, message)
        if await _ends(process, clock):
            return


async def _ends(process: subprocess.Popen[bytes], clock: Clock) -> bool:
    deadline = clock.monotonic() + STOP_WITHIN.total_seconds()
    while process.poll() is None:
        if clock.monotonic() > deadline:
            return False
        await clock.sleep(LOOK_EVERY)
    return True


def last_words(log: Path) -> str:
    """Where to read on, and what went wrong if that is the last thing it said. A program that was killed said
    something else last: quoted, it would pass for the reason."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    trouble = _trouble(lines[-1])[:SHOWN] if lines else ""
    return f"Its log ends: “{trouble}” The whole log is {log}." if trouble else f"Its log is {log}."


def _trouble(line: str) -> str:
    """A line that is an error or bears no level, in the words meant for people; "" for a note of everyday work."""
    try:
        said = json.loads(line)
        return "" if str(said.get("level")).lower() in EVERYDAY else str(said["event"])
    except (ValueError, KeyError, AttributeError):
        return "" if DATED.match(line) else line


def birth(pid: int) -> str | None:
    """When a process began, in the kernel's ticks: with the pid it names one process for good. None: none runs."""
    try:
        about = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *rest = about.rpartition(")")[2].split()
    return None if state == "Z" else rest[18]
