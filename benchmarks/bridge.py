"""The running bridge beside the raw homeserver and its peers, on SQLite and on PostgreSQL: figures, no verdicts."""

import argparse
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks import answers, databases, fanout, provisioning, scale
from benchmarks.figures import Row, table
from benchmarks.instance import Instance
from benchmarks.people import PASSWORD, Town
from deploy import homeserver, ports
from facilitator.ids import UserId

PARTS = ("answers", "rooms", "fanout", "scale")
EXTRA = {"caches": {"sync_response_cache_duration": 0}}


def wishes(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks bridge")
    parser.add_argument("--parts", default=",".join(PARTS), help="which of them, with commas")
    parser.add_argument("--on", default="sqlite,postgresql", help="which databases, with commas")
    parser.add_argument("--rooms", type=int, default=40, help="rooms of the fan-out")
    parser.add_argument("--messages", type=int, default=60, help="commands to each bot")
    parser.add_argument("--sizes", default="10,200", help="rooms of the scale part, with commas")
    parser.add_argument("--no-peers", action="store_true", help="only the limit and the bridge")
    return parser.parse_args(arguments)


async def measure(folder: Path, arguments: list[str]) -> list[Row]:
    wish = wishes(arguments)
    parts = set(wish.parts.split(","))
    rows: list[Row] = []
    for engine in wish.on.split(","):
        with databases.of(engine) as new:
            if "scale" in parts:
                sizes = [int(size) for size in wish.sizes.split(",")]
                rows += told(await scale.measure(folder / f"scale-{engine}", sizes=sizes, on=f" ({engine})", new=new))
            if parts - {"scale"}:
                async with _stage(folder / engine, new()) as stage:
                    rows += await _on(stage, wish, parts, f" ({engine})")
    return rows


async def _on(stage: tuple[Town, Instance, UserId], wish: argparse.Namespace, parts: set[str], on: str) -> list[Row]:
    town, instance, hearth = stage
    peers = not wish.no_peers
    rows: list[Row] = []
    if "rooms" in parts:
        rows += told(await provisioning.measure(town, instance, rooms=max(wish.rooms // 5, 5), on=on))
    if "answers" in parts:
        rows += told(await answers.measure(town, instance, hearth, each=wish.messages, with_peers=peers, on=on))
    if "fanout" in parts:
        rows += told(await fanout.measure(town, instance, hearth, rooms=wish.rooms, on=on))
    return rows


def told(rows: list[Row]) -> list[Row]:
    """A part that is done is told at once: a run that is cut off has not measured in vain."""
    print(f"load {os.getloadavg()[0]:.1f}\n{table(rows)}\n", file=sys.stderr, flush=True)
    return rows


@asynccontextmanager
async def _stage(folder: Path, url: str) -> AsyncIterator[tuple[Town, Instance, UserId]]:
    """A fresh homeserver with its limits lifted, and a bridge on it."""
    folder.mkdir(parents=True)
    options = homeserver.Options(data=folder / "homeserver", port=ports.any_free(), extra=EXTRA)
    async with homeserver.running(options) as local:
        town = Town(local, folder)
        user, _ = await town.account("hearth")
        ada, _ = await town.account("ada")
        made = Instance.made(
            folder / "hearth", homeserver=local.url, user_id=user, password=PASSWORD, database_url=url,
            coordinator=ada,
        )  # fmt: skip
        async with made as instance:
            await instance.start()
            try:
                yield town, instance, user
            finally:
                await town.close()
