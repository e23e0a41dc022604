"""A reminder due in many rooms at once: cold, warm, and just after a restart, beside the same messages sent by hand.

From the moment the sessions stand in the database to the last encrypted event at an observer: timer, outbox, keys and
sends are all in it. The limit is as many blind sends, eight at once, and for the cold run one question, one claim and
the messages to devices in as few requests as carry them.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

from benchmarks import weighing
from benchmarks.figures import Row
from benchmarks.instance import Instance
from benchmarks.people import Observer, Raw, Town
from bridge.matrix.client import NioHomeserver
from facilitator.ids import GroupId, UserId, new_id

MEMBERS = 5
ROOMS_PER_PERSON = 10
CIPHERTEXT = "A" * 700
SEALED = "A" * 900


@dataclass
class Hall:
    """Rooms of the bridge with people in them; `spare`: hours ahead of sessions not used yet."""

    instance: Instance
    groups: list[GroupId]
    rooms: list[str]
    people: list[tuple[NioHomeserver, Raw]]
    hand: Raw
    observer: Observer
    bot: str
    spare: list[int] = field(default_factory=lambda: list(range(3, 23)))


async def measure(town: Town, instance: Instance, bot: UserId, *, rooms: int, on: str) -> list[Row]:
    hall = await _open(town, instance, bot, rooms)
    try:
        cold, cold_limit, readable = await _cold(hall)
        warm, warm_limit = await _warm(hall)
        again, again_limit = await _after_a_restart(hall)
        rss = weighing.rss_mib(instance.pid)
    finally:
        await hall.observer.end()
    what = f"reminder in {rooms} rooms of {MEMBERS}{on}"
    return [
        Row(f"{what}, cold", cold, cold_limit, "raw, keys shared once", f"{_ratio(cold, cold_limit)}; {readable}"),
        Row(
            f"{what}, warm", warm, warm_limit, "raw sends, 8 at once", f"{_ratio(warm, warm_limit)}; RSS {rss:.0f} MiB"
        ),
        Row(f"{what}, after a restart", again, again_limit, "raw sends, 8 at once", _ratio(again, again_limit)),
    ]


def _ratio(ours: Sequence[float], limit: Sequence[float]) -> str:
    return f"throughput {sorted(limit)[len(limit) // 2] / sorted(ours)[len(ours) // 2]:.2f} of the limit"


async def _open(town: Town, instance: Instance, bot: UserId, rooms: int) -> Hall:
    people = await town.readers(max(rooms * MEMBERS // ROOMS_PER_PERSON, MEMBERS))
    rosters = [[people[(n * MEMBERS + k) % len(people)][0].user_id for k in range(MEMBERS)] for n in range(rooms)]
    groups = await instance.open_groups(rosters, name="Hall")
    await instance.all_ready(groups, people=MEMBERS + 2)
    found = await instance.rooms_of(groups)
    by_user = {client.user_id: raw for client, raw in people}
    gate = asyncio.Semaphore(8)

    async def join(room: str, user: UserId) -> None:
        async with gate:
            await by_user[user].join(room)

    await asyncio.gather(*(join(r, u) for r, roster in zip(found, rosters, strict=True) for u in roster))
    hand = await town.raw_of(bot.removeprefix("@").partition(":")[0])
    hall = Hall(instance, groups, found, people, hand, await Observer(hand).begin(), bot)
    await _quiet(hall)
    return hall


async def _quiet(hall: Hall) -> None:
    """Until every welcome is out and nothing is left to look at."""
    async with asyncio.timeout(600):
        while True:
            ((left,),) = await hall.instance.ask("SELECT count(*) FROM outbox WHERE outcome IS NULL")
            seen = len(hall.observer.seen)
            await asyncio.sleep(3)
            if left == 0 and len(hall.observer.seen) == seen:
                return


async def _remind(hall: Hall) -> float:
    began = await hall.instance.remind(hall.groups, starts_in=timedelta(hours=hall.spare.pop(0)))
    rooms = set(hall.rooms)
    return await hall.observer.until(len(hall.rooms), sender=hall.bot, since=began, rooms=rooms) - began


async def _by_hand(hall: Hall, *, cold: bool) -> float:
    began = time.perf_counter()
    if cold:
        await _keys_by_hand(hall)
    gate = asyncio.Semaphore(8)
    content = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": CIPHERTEXT, "session_id": "S" * 43, "device_id": "X"}

    async def send(room: str) -> None:
        async with gate:
            await hall.hand.send(room, "m.room.encrypted", content)

    sending = [asyncio.create_task(send(room)) for room in hall.rooms]
    ended = await hall.observer.until(len(hall.rooms), sender=hall.bot, since=began, rooms=set(hall.rooms))
    await asyncio.gather(*sending)
    return ended - began


async def _keys_by_hand(hall: Hall) -> None:
    """What sharing needs at least, with bytes that only look encrypted."""
    users = [client.user_id for client, _ in hall.people]
    devices = {client.user_id: client._machine.device_id for client, _ in hall.people}
    await hall.hand.do("POST", "keys/query", {"device_keys": {user: [] for user in users}})
    claims = {user: {device: "signed_curve25519"} for user, device in devices.items()}
    await hall.hand.do("POST", "keys/claim", {"one_time_keys": claims})
    for _ in range(len(hall.rooms) * MEMBERS // len(users)):  # one message to a device in one request
        sealed = {"algorithm": "m.olm.v1.curve25519-aes-sha2", "ciphertext": {"x": {"type": 0, "body": SEALED}}}
        for start in range(0, len(users), 100):
            some = {user: {devices[user]: sealed} for user in users[start : start + 100]}
            await hall.hand.do("PUT", f"sendToDevice/m.room.encrypted/{quote(new_id())}", {"messages": some})


async def _cold(hall: Hall, *, times: int = 2) -> tuple[list[float], list[float], str]:
    """Each time as a new device that knows nobody's keys, its welcome to a new start over."""
    ours, limit = [], []
    for _ in range(times):
        limit.append(await _by_hand(hall, cold=True))
        await hall.instance.stop()
        hall.instance.lose_keys()
        await hall.instance.start()
        await _looked(hall)
        places = [await client.listen(None, wait=timedelta(0)) for client, _ in hall.people]
        ours.append(await _remind(hall))
    read = 0
    for (client, _), place in zip(hall.people, places, strict=True):
        heard = (await client.listen(place.next_batch, wait=timedelta(0))).events
        read += sum(type(event).__name__ == "Message" for event in heard)
    return ours, limit, f"{read} of {len(hall.rooms) * MEMBERS} recipients read it"


async def _looked(hall: Hall) -> None:
    """A start looks at every room once; this is about messages."""
    async with asyncio.timeout(300):
        while await hall.instance.ask(
            "SELECT 1 FROM room_sightings WHERE next_look IS NOT NULL AND trouble IS NULL LIMIT 1"
        ):
            await asyncio.sleep(0.2)
    await asyncio.sleep(1)


async def _warm(hall: Hall, *, times: int = 3) -> tuple[list[float], list[float]]:
    ours, limit = [], []
    for _ in range(times):
        for kind in random.sample(["ours", "limit"], 2):
            if kind == "ours":
                ours.append(await _remind(hall))
                await asyncio.sleep(1)
            else:
                limit.append(await _by_hand(hall, cold=False))
    return ours, limit


async def _after_a_restart(hall: Hall, *, times: int = 2) -> tuple[list[float], list[float]]:
    ours, limit = [], []
    for _ in range(times):
        limit.append(await _by_hand(hall, cold=False))
        await hall.instance.stop()
        await hall.instance.start()
        await asyncio.sleep(1)
        ours.append(await _remind(hall))
        await _looked(hall)
    return ours, limit
