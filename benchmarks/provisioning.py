"""Groups that stand in the database → rooms made, encrypted, with their power levels, and three people invited to each;
beside createRoom with its state and three invitations each, eight at once, by hand."""

import asyncio
import time

from benchmarks.figures import Row
from benchmarks.instance import Instance
from benchmarks.people import Raw, Town
from bridge.matrix import changing
from bridge.matrix.homeserver import CreateRoom
from facilitator.ids import RoomId, UserId, new_id
from facilitator.rules.wanted_room import ENCRYPTION, power_levels

INVITED = 3
ROUNDS = 3


async def measure(town: Town, instance: Instance, *, rooms: int, on: str) -> list[Row]:
    people = [(await town.account(f"guest{n}"))[0] for n in range(INVITED)]
    two = people[:-1]  # the third is the facilitator
    raw = await town.raw("maker")
    ours, limit = [], []
    for _ in range(ROUNDS):
        limit.append(await _by_hand(raw, people, rooms))
        groups = await instance.open_groups([two] * rooms, name="Made")
        await instance.all_ready(groups, people=INVITED + 1)
        ours.append(time.perf_counter() - instance.rung)
    throughput = sorted(limit)[1] / sorted(ours)[1]
    note = f"throughput {throughput:.2f} of the limit; each of ours is read back once as well"
    what = f"{rooms} rooms made, {INVITED} invited to each{on}"
    return [Row(what, ours, limit, "createRoom + invites, 8 at once", note)]


async def _by_hand(raw: Raw, people: list[UserId], rooms: int) -> float:
    gate = asyncio.Semaphore(8)

    async def make() -> None:
        step = CreateRoom(
            RoomId(new_id()), "Made", "12", ENCRYPTION, "invite", "joined", "forbidden",
            power_levels(frozenset[UserId]()),
        )  # fmt: skip
        async with gate:
            room = (await raw.do("POST", "createRoom", changing.body(step)))["room_id"]
            for user in people:
                await raw.do("POST", f"rooms/{room}/invite", {"user_id": user})

    began = time.perf_counter()
    await asyncio.gather(*(make() for _ in range(rooms)))
    return time.perf_counter() - began
