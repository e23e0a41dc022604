"""`python -m benchmarks [start rooms reminders pages]`: run some or all, print one table and the machine's load."""

import asyncio
import logging
import os
import platform
import sys
import tempfile
from pathlib import Path

import structlog

from benchmarks import pages, start
from benchmarks.figures import Row, table
from benchmarks.journeys import reminders, rooms
from benchmarks.stage import Stage

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


async def main(chosen: list[str]) -> None:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder:
        if not chosen or "start" in chosen:
            rows += await start.measure(Path(folder) / "start")
        if not chosen or {"rooms", "reminders"} & set(chosen):
            async with Stage.set_up(Path(folder) / "stage") as stage:
                if not chosen or "rooms" in chosen:
                    rows += await rooms(stage)
                if not chosen or "reminders" in chosen:
                    rows += await reminders(stage)
        if not chosen or "pages" in chosen:
            rows += await pages.measure(Path(folder) / "pages")
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load}\n")
    print(table(rows))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
