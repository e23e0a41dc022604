"""What grows with the number of rooms: start, memory, a small sync; and what one event costs the processor.

Against a stand-in homeserver that answers at once, so that all of it is the bridge's own; its rooms are as the plan
would have them and hold five people each, a quarter of them in more rooms than one.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
from sqlalchemy import insert

from benchmarks import weighing
from benchmarks.figures import Row
from benchmarks.instance import Instance
from bridge.matrix import changing
from bridge.matrix.homeserver import CreateRoom
from bridge.plan import plan
from facilitator import bots, rooms
from facilitator.database import tables
from facilitator.database.tables import Table
from facilitator.ids import RoomId, UserId, new_id
from facilitator.rules.wanted_room import ENCRYPTION
from tests.stand_in import StandIn

US = UserId("@hearth:here")
MEMBERS = 5
SYNCS = 100
PEOPLE_PER_ROOM = 4


async def measure(folder: Path, *, sizes: Sequence[int], on: str, new: Callable[[], str]) -> list[Row]:
    rows = []
    for size in sizes:
        rows += await _of(folder / str(size), size, on, new())
    return rows


async def _of(folder: Path, size: int, on: str, url: str) -> list[Row]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(StandIn(us=US).serving())
        folder.mkdir(parents=True)
        made = Instance.made(folder / "hearth", homeserver=server.url, user_id=US, password="x", database_url=url)
        instance = await stack.enter_async_context(made)
        await instance.start()  # the account, its device and identity
        await instance.stop()
        await _fill(instance, server, size)
        starts, blocked = await _starts(instance, server)
        looked = await _all_looked(instance, server, size)
        idle = weighing.rss_mib(instance.pid)
        await _everybody_reached(instance, server)
        talk = await _events(instance, server, "good evening", answers=False)
        commands = await _events(instance, server, "!commands", answers=True)
        rss, peak = weighing.rss_mib(instance.pid), weighing.peak_mib(instance.pid)
        what = f"{size} rooms{on}"
        return [
            Row(f"start → ready, {what}", starts, note=f"loop blocked at most {max(blocked) * 1000:.0f} ms"),
            Row(f"every room looked at after a start, {what}", [looked]),
            Row(f"small sync, nothing to answer, {what}", talk[0], note=f"{talk[1] * 1000:.1f} ms CPU each"),
            Row(f"command → answer sent, {what}", commands[0], note=f"{commands[1] * 1000:.1f} ms CPU each"),
            Row(f"memory, {what}", [], note=f"RSS {idle:.0f} MiB after the start, {rss:.0f} at work, peak {peak:.0f}"),
        ]


def _people(room: int, size: int) -> list[UserId]:
    own = [UserId(f"@own{room}x{n}:here") for n in range(MEMBERS - 1)]
    return [*own, UserId(f"@shared{room % max(size // PEOPLE_PER_ROOM, 1)}:here")]


async def _fill(instance: Instance, server: StandIn, size: int) -> None:
    """So many rooms that were made and looked at before this start."""
    now = instance.clock.now()
    async with instance.database.transaction() as db:
        bot = await bots.enrol(db, user_id=US, homeserver=server.url, now=now)
        ids: list[Any] = [(new_id(), RoomId(new_id()), number) for number in range(size)]
        people = {number: _people(number, size) for number in range(size)}
        there = [(room, user) for _, room, number in ids for user in people[number]]
        parts: list[tuple[type[Table], list[dict[str, Any]]]] = [
            (tables.Group, [
                {"id": group, "name": f"Room {n}", "purpose": "Measuring", "language": "en", "time_zone": "UTC",
                 "created": now} for group, _, n in ids]),
            (tables.GroupFacilitator, [
                {"group_id": group, "account_id": instance.account, "since": now} for group, _, _ in ids]),
            (tables.Room, [
                {"id": room, "kind": "group", "group_id": group, "bot_account_id": bot.id, "created": now}
                for group, room, _ in ids]),
            (tables.Member, [
                {"id": new_id(), "group_id": group, "matrix_id": user, "matrix_id_index": user, "standing": "joined",
                 "since": now} for group, _, number in ids for user in people[number]]),
            (tables.RoomSighting, [
                {"room_id": room, "matrix_room": f"!room{n}", "encryption": dict(ENCRYPTION), "revision": 1,
                 "history_visibility": "joined", "version": "12", "looked": now} for _, room, n in ids]),
            (tables.MembershipSighting, [
                {"room_id": room, "person_index": user, "membership": "join", "seen": now} for room, user in there]),
            (tables.MembershipSighting, [
                {"room_id": room, "person_index": "@ada:elsewhere", "membership": "leave", "seen": now}
                for _, room, _ in ids]),
        ]  # fmt: skip
        for table, rows in parts:
            await db.execute(insert(table), rows)
    async with instance.database.reading() as db:
        for _, room, number in ids:
            step = plan(await rooms.wanted(db, room, now=now), None)[0]
            assert isinstance(step, CreateRoom)
            server.make(f"!room{number}", changing.body(step), people[number])


async def _starts(instance: Instance, server: StandIn, times: int = 3) -> tuple[list[float], list[float]]:
    """Starts, and how long its health page kept us waiting at most: so long its loop was blocked."""
    seconds, blocked = [], []
    for n in range(times):
        if n:
            await instance.stop()
        server.asked.clear()
        probe = asyncio.create_task(_longest_wait(instance))
        await instance.start()
        seconds.append(instance.started)
        await asyncio.sleep(3)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        blocked.append(_waits.pop())
    return seconds, blocked


_waits: list[float] = []


async def _longest_wait(instance: Instance) -> None:
    longest = 0.0
    try:
        async with aiohttp.ClientSession() as http:
            while True:
                began = time.perf_counter()
                try:
                    async with http.get(f"http://127.0.0.1:{instance.health}/livez") as answer:
                        await answer.read()
                    longest = max(longest, time.perf_counter() - began)
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.005)
    finally:
        _waits.append(longest)


async def _all_looked(instance: Instance, server: StandIn, size: int) -> float:
    """Until every room has been looked at once since the latest start."""
    began = time.perf_counter()
    async with asyncio.timeout(300):
        while server.asked["state"] < size:
            await asyncio.sleep(0.1)
    return instance.started + 3 + time.perf_counter() - began


async def _everybody_reached(instance: Instance, server: StandIn) -> None:
    """Until it has nothing more to do."""
    quiet, last = 0.0, weighing.cpu_seconds(instance.pid)
    async with asyncio.timeout(300):
        while quiet < 2:
            await asyncio.sleep(0.5)
            now = weighing.cpu_seconds(instance.pid)
            quiet = quiet + 0.5 if now - last < 0.1 else 0
            last = now


async def _events(instance: Instance, server: StandIn, body: str, *, answers: bool) -> tuple[list[float], float]:
    """One message after another, each in the next of ten rooms: until the next sync is asked for or the answer sent."""
    spent, took = [], []
    for n in range(20 + SYNCS):
        room = f"!room{n % 10}"
        user = sorted(server.rooms[room])[0]
        said = server.said_by(user, room, body)
        before, sent, asked = weighing.cpu_seconds(instance.pid), len(server.said[room]), server.asked["sync"]
        began = time.perf_counter()
        server.tell(**said)
        async with asyncio.timeout(30):
            while (len(server.said[room]) == sent) if answers else (server.asked["sync"] == asked):
                await asyncio.sleep(0.001)
        elapsed = time.perf_counter() - began
        await asyncio.sleep(0.05)
        if n >= 20:
            took.append(elapsed)
            spent.append(weighing.cpu_seconds(instance.pid) - before)
    return took, median(spent)
