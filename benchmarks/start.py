"""How long a warm `hearth demo` takes until everything is ready, beside the homeserver alone."""

import shutil
import time
from pathlib import Path

from benchmarks.figures import Row
from benchmarks.stage import demo
from deploy import homeserver, ports

TIMES = 3


async def measure(data: Path) -> list[Row]:
    async with demo(data):
        pass  # the first start makes keys, accounts and tables
    ours = []
    for _ in range(TIMES):
        async with demo(data) as (_, seconds):
            ours.append(seconds)
    return [Row("warm demo → ready", ours, await _homeserver_alone(data / "alone"), "the homeserver alone")]


async def _homeserver_alone(data: Path) -> list[float]:
    found = []
    for _ in range(TIMES):
        began = time.perf_counter()
        async with homeserver.running(homeserver.Options(data=data, port=ports.any_free())):
            found.append(time.perf_counter() - began)
    shutil.rmtree(data)
    return found
