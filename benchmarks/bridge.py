"""The running bridge beside the raw homeserver and its peers, on SQLite and on PostgreSQL: figures, no verdicts."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks import answers, scale
from benchmarks.figures import Row
from benchmarks.instance import Instance
from benchmarks.people import PASSWORD, Town
from deploy import homeserver, ports

PARTS = ("answers", "rooms", "fanout", "scale")
EXTRA = {"caches": {"sync_response_cache_duration": 0}}


def wishes(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks bridge")
    parser.add_argument("--parts", default=",".join(PARTS), help="which of them, with commas")
    parser.add_argument("--on", default="sqlite,postgresql", help="which databases, with commas")
    parser.add_argument("--rooms", type=int, default=200, help="rooms of the fan-out")
    parser.add_argument("--messages", type=int, default=100, help="commands to each bot")
    parser.add_argument("--sizes", default="10,200,1000,2000", help="rooms of the scale part, with commas")
    parser.add_argument("--no-peers", action="store_true", help="only the limit and the bridge")
    return parser.parse_args(arguments)


async def measure(folder: Path, arguments: list[str]) -> list[Row]:
    wish = wishes(arguments)
    rows: list[Row] = []
    for engine in wish.on.split(","):
        if "scale" in wish.parts:
            sizes = [int(size) for size in wish.sizes.split(",")]
            rows += await scale.measure(folder / f"scale-{engine}", sizes=sizes, on=f" ({engine})")
        if not {"answers", "rooms", "fanout"} & set(wish.parts.split(",")):
            continue
        async with _stage(folder / engine, engine) as (town, instance, hearth):
            if "answers" in wish.parts:
                rows += await answers.measure(
                    town, instance, hearth, each=wish.messages, with_peers=not wish.no_peers, on=f" ({engine})"
                )
    return rows


@asynccontextmanager
async def _stage(folder: Path, engine: str) -> AsyncIterator[tuple[Town, Instance, str]]:
    """A fresh homeserver with its limits lifted, and a bridge on it."""
    folder.mkdir(parents=True)
    options = homeserver.Options(data=folder / "homeserver", port=ports.any_free(), extra=EXTRA)
    async with homeserver.running(options) as local:
        town = Town(local, folder)
        user, _ = await town.account("hearth")
        made = Instance.made(folder / "hearth", homeserver=local.url, user_id=user, password=PASSWORD)
        async with made as instance:
            await instance.start()
            try:
                yield town, instance, user
            finally:
                await town.close()
