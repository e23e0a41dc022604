"""Latency, burst and processor time of one encrypted command → encrypted answer: the bridge beside its peers.

Messages go round the bots in random order, so that whatever else the machine does falls on all of them alike. The
limit is a blind echo: nothing read, nothing encrypted. (Moderation does not exist yet; a command is heard, decided on
and answered the same way.)
"""

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from benchmarks import peers, weighing
from benchmarks.figures import Row
from benchmarks.instance import Instance
from benchmarks.people import Observer, Raw, Town
from bridge.matrix.client import NioHomeserver
from bridge.matrix.homeserver import KnownRoom
from facilitator.ids import MatrixRoomId, new_id

ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2"}
ROOMS = 10
WARM_UP = 10
COMMAND = {"msgtype": "m.text", "body": "!commands"}
POWER = {"ban": 50, "invite": 50, "kick": 50, "redact": 50, "state_default": 50, "users_default": 0}


@dataclass
class Bot:
    """One competitor: `rooms` are the asker's rooms with it."""

    name: str
    user: str
    pid: int
    rooms: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0
    burst: list[float] = field(default_factory=list)
    burst_cpu: float = 0.0
    rss: float = 0.0


@dataclass
class Asker:
    """Somebody who writes commands; reads what is sent on a second device, by plain HTTP."""

    client: NioHomeserver
    raw: Raw
    observer: Observer

    @classmethod
    async def made(cls, town: Town) -> "Asker":
        _, local = await town.account("asker")
        client = await town.reader(local, only_signed=False)
        raw = await town.raw_of(local)
        return cls(client, raw, await Observer(raw).begin())

    async def rooms_with(self, user: str) -> list[str]:
        made = []
        for _ in range(ROOMS):
            body = {
                "preset": "private_chat", "room_version": "11", "invite": [user],
                "initial_state": [{"type": "m.room.encryption", "state_key": "", "content": ENCRYPTION}],
            }  # fmt: skip
            made.append((await self.raw.do("POST", "createRoom", body))["room_id"])
        return made

    async def say(self, room: str) -> None:
        await self.client.send(MatrixRoomId(room), new_id(), COMMAND)  # type: ignore[arg-type]

    async def know(self, rooms: list[str]) -> None:
        self.client.remember([KnownRoom(MatrixRoomId(room), ENCRYPTION) for room in rooms])

    async def all_inside(self, rooms: list[str], user: str) -> None:
        for room in rooms:
            async with asyncio.timeout(120):
                while user not in (await self.raw.do("GET", f"rooms/{room}/joined_members"))["joined"]:
                    await asyncio.sleep(0.1)


async def measure(town: Town, instance: Instance, hearth: str, *, each: int, with_peers: bool, on: str) -> list[Row]:
    async with AsyncExitStack() as stack:
        asker = await Asker.made(town)
        stack.push_async_callback(asker.observer.end)
        bots = [await _hearth(asker, instance, hearth)]
        others = ("limit", "nio", "maubot") if with_peers else ("limit",)
        bots += [await _peer(town, asker, stack, name) for name in others]
        for bot in bots:
            await asker.know(bot.rooms)
            for room in bot.rooms:  # keys go round: what is measured is every message after the first
                await _one(asker, bot, room)
        await _paced(asker, bots, each)
        await _bursts(asker, bots, times=3 if each >= 50 else 1)
        return _rows(bots, on)


async def _hearth(asker: Asker, instance: Instance, user: str) -> Bot:
    me = asker.client.user_id
    groups = await instance.open_groups([[me]] * ROOMS, name="Answers")
    await instance.all_ready(groups, people=3)
    rooms = await instance.rooms_of(groups)
    for room in rooms:
        await asker.raw.join(room)
    await asyncio.sleep(2)  # the welcomes
    return Bot("Hearth", user, instance.pid, rooms)


async def _peer(town: Town, asker: Asker, stack: AsyncExitStack, name: str) -> Bot:
    _, local = await town.account(name)
    who = await town.sign_in(local)
    folder = town.folder / name
    folder.mkdir()
    url = town.homeserver.url
    command, says = {
        "limit": lambda: (peers.blind(url, who), "ready"),
        "nio": lambda: (peers.nio(url, who, folder), "ready"),
        "maubot": lambda: (peers.maubot(url, who, folder), "tarting sync"),
    }[name]()
    pid = await stack.enter_async_context(peers.running(command, folder=folder, says=says))
    rooms = await asker.rooms_with(who.user_id)
    await asker.all_inside(rooms, who.user_id)
    return Bot(name, who.user_id, pid, rooms)


async def _one(asker: Asker, bot: Bot, room: str) -> float:
    began = time.perf_counter()
    await asker.say(room)
    return await asker.observer.until(1, sender=bot.user, since=began, rooms={room}, within=30) - began


async def _paced(asker: Asker, bots: list[Bot], each: int) -> None:
    """One at a time. Each round asks every bot once, in another order; processor time is taken around each question,
    with the same pause for all, and what the idle bot uses is in it."""
    for number in range(WARM_UP + each):
        for bot in random.sample(bots, len(bots)):
            before = weighing.cpu_seconds(bot.pid)
            took = await _one(asker, bot, bot.rooms[number % ROOMS])
            await asyncio.sleep(0.03)
            if number >= WARM_UP:
                bot.seconds.append(took)
                bot.cpu += weighing.cpu_seconds(bot.pid) - before


async def _bursts(asker: Asker, bots: list[Bot], *, times: int, messages: int = 100) -> None:
    for _ in range(times):
        for bot in random.sample(bots, len(bots)):
            before, began = weighing.cpu_seconds(bot.pid), time.perf_counter()
            gate = asyncio.Semaphore(8)

            async def say(room: str, gate: asyncio.Semaphore = gate) -> None:
                async with gate:
                    await asker.say(room)

            saying = [asyncio.create_task(say(bot.rooms[n % ROOMS])) for n in range(messages)]
            last = await asker.observer.until(messages, sender=bot.user, since=began, rooms=set(bot.rooms), within=120)
            await asyncio.gather(*saying)
            bot.burst.append(last - began)
            await asyncio.sleep(0.5)
            bot.burst_cpu += (weighing.cpu_seconds(bot.pid) - before) / messages / times
            bot.rss = weighing.rss_mib(bot.pid)


def _rows(bots: list[Bot], on: str) -> list[Row]:
    limit = next(bot for bot in bots if bot.name == "limit")
    rows = []
    for bot in bots:
        note = f"{bot.cpu / len(bot.seconds) * 1000:.1f} ms CPU, RSS {bot.rss:.0f} MiB"
        rows.append(Row(f"command → answer, {bot.name}{on}", bot.seconds, limit.seconds, "blind echo", note))
    for bot in bots:
        note = f"{bot.burst_cpu * 1000:.1f} ms CPU per message; throughput {_throughput(bot, limit):.2f} of the limit"
        rows.append(Row(f"100 commands in 10 rooms, {bot.name}{on}", bot.burst, limit.burst, "blind echo", note))
    return rows


def _throughput(bot: Bot, limit: Bot) -> float:
    return sorted(limit.burst)[len(limit.burst) // 2] / sorted(bot.burst)[len(bot.burst) // 2]
