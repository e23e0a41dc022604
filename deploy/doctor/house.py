"""This machine: who can read the secrets, is there room, does the bridge run."""

import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from bridge.vitals import SYNC_AT_MOST
from deploy.doctor.finding import Finding, fine, note, unseen, wrong
from deploy.doctor.surroundings import Surroundings
from facilitator import sightings

LITTLE_ROOM, NO_ROOM = 1_000_000_000, 100_000_000
"""Bytes free in the data folder."""
PULSE_AT_MOST = timedelta(seconds=60)


def permissions(found: Surroundings) -> list[Finding]:
    """Files with secrets that others than their owner can open (the settings: others than owner and group)."""
    loose = [f"{path} (run `chmod {mode} {path}`)" for path, mode in _secrets(found) if _open_to_others(path, mode)]
    if loose:
        return [wrong("permissions", f"Others can read {', '.join(loose)}.", "Run what stands in brackets.")]
    return [fine("permissions", "Secrets can be read by their owner alone.")]


def _secrets(found: Surroundings) -> Iterator[tuple[Path, str]]:
    data = found.house.data_dir
    yield data, "700"
    yield found.house.people_key, "600"
    yield found.bridge_key, "600"
    yield data / "keystore.db", "600"
    yield data / "hearth.db", "600"
    if found.bridge.password_file is not None:
        yield found.bridge.password_file, "600"
    yield found.settings_file, "640"


def _open_to_others(path: Path, mode: str) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & ~int(mode, 8) & 0o077)
    except OSError:
        return False


def disk(found: Surroundings) -> list[Finding]:
    try:
        free = shutil.disk_usage(found.house.data_dir).free
    except OSError:
        return [wrong("disk", f"There is no data folder {found.house.data_dir}.", "Run `hearth setup`.")]
    megabytes = f"{free // 1_000_000:,} MB are free in the data folder."
    if free < NO_ROOM:
        return [wrong("disk", megabytes, "Make room: without it nothing can be written down, so nothing is said.")]
    if free < LITTLE_ROOM:
        return [note("disk", megabytes, "Make room before it runs out.")]
    return [fine("disk", megabytes)]


async def running(found: Surroundings) -> list[Finding]:
    """By the pulse the bridge leaves in the database."""
    if found.database is None:
        return [unseen("bridge", "Whether the bridge runs was not looked at: the database is not open.")]
    async with found.database.reading() as db:
        beats = await sightings.heartbeats(db)
    now = found.clock.now()
    if "bridge" not in beats or now - beats["bridge"] > PULSE_AT_MOST:
        return [wrong("bridge", "The bridge does not run.", "Start it: `systemctl start hearth-bridge`, then its log.")]
    if "homeserver" not in beats or now - beats["homeserver"] > SYNC_AT_MOST + PULSE_AT_MOST:
        return [
            wrong(
                "bridge", "The bridge runs but has not heard from the homeserver lately.", "See what else is said here."
            )
        ]
    return [fine("bridge", "The bridge runs and hears.")]
