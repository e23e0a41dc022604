"""`python -m benchmarks [start rooms reminders pages]`: run some or all, print one table and the machine's load.
`python -m benchmarks bridge [options]`: the bridge beside its limit and its peers.
`python -m benchmarks panel [options]`: every page in a large organisation, beside its limit."""

import asyncio
import logging
import os
import platform
import sys
import tempfile
from pathlib import Path

import structlog

from benchmarks import bridge, pages, panel, start
from benchmarks.figures import Row, table
from benchmarks.journeys import reminders, rooms
from benchmarks.stage import Stage

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


async def main(chosen: list[str]) -> None:
    before = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder:
        if chosen[:1] == ["bridge"]:
            rows = await bridge.measure(Path(folder), chosen[1:])
        elif chosen[:1] == ["panel"]:
            rows = await panel.measure(Path(folder), chosen[1:])
        else:
            rows = await _people_wait_for(Path(folder), chosen)
    load = " → ".join(", ".join(f"{each:.2f}" for each in loads) for loads in (before, os.getloadavg()))
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load}\n")
    print(table(rows))


async def _people_wait_for(folder: Path, chosen: list[str]) -> list[Row]:
    rows: list[Row] = []
    if not chosen or "start" in chosen:
        rows += await start.measure(folder / "start")
    if not chosen or {"rooms", "reminders"} & set(chosen):
        async with Stage.set_up(folder / "stage") as stage:
            if not chosen or "rooms" in chosen:
                rows += await rooms(stage)
            if not chosen or "reminders" in chosen:
                rows += await reminders(stage)
    if not chosen or "pages" in chosen:
        rows += await pages.measure(folder / "pages")
    return rows


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
