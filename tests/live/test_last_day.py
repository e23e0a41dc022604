"""A group's last day on a real homeserver, both ways: everybody asked out after the farewell, and a room that goes on
without the bot, run by its facilitator."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from facilitator import groups, lives
from facilitator.database import Database
from facilitator.database.tables import Act, Room
from facilitator.endings import READ_WITHIN
from facilitator.ids import GroupId, MatrixRoomId
from facilitator.rules.life import KeptBy, closing_moment
from tests.live.whole_bridge import WholeBridge
from tests.live.world import Person, World

pytestmark = pytest.mark.live
BERLIN = "Europe/Berlin"


async def since(person: Person) -> str:
    return str((await person.do("GET", "sync?timeout=0"))["next_batch"])


async def left_with(person: Person, room: MatrixRoomId, token: str) -> list[dict[str, Any]]:
    """What happened in a room up to their leaving it, as their own server shows them."""
    answer = await person.do("GET", f"sync?timeout=0&since={token}")
    events: list[dict[str, Any]] = answer["rooms"]["leave"][room]["timeline"]["events"]
    return events


async def close(bridge: WholeBridge, group: GroupId, kept_by: KeptBy) -> timedelta:
    """Tomorrow. Returns how far away that is."""
    now = bridge.clock.now()
    day = now.astimezone(ZoneInfo(BERLIN)).date() + timedelta(days=1)
    async with bridge.database.transaction() as db:
        await lives.close(
            db, by=bridge.ada, group_id=group, typed_name="Maple room", on=day, farewell="Go well.", kept_by=kept_by,
            now=now,
        )  # fmt: skip
    return closing_moment(day, BERLIN) - now


async def joined(person: Person, room: MatrixRoomId) -> set[str]:
    return set((await person.do("GET", f"rooms/{room}/joined_members"))["joined"])


async def test_both_ways_to_close_a_group(world: World, database: Database) -> None:
    client, ada, ben = await world.client(), await world.person("ada"), await world.person("ben")
    bridge = await WholeBridge(database, client, ada.user_id).start()
    try:
        gone, _, emptied = await bridge.open_group()
        kept, _, going_on = await bridge.open_group()
        for group, room in ((gone, emptied), (kept, going_on)):
            await bridge.invite(group, ben.user_id)
            await bridge.until_line(group, ben.user_id, lambda line: line.reached)
            for person in (ada, ben):
                await person.join(room)
            await bridge.until_line(group, ben.user_id, lambda line: line.standing == "joined")
        token = await since(ben)
        await close(bridge, kept, KeptBy.MEMBERS)
        bridge.clock.go_ahead(await close(bridge, gone, KeptBy.NOBODY))

        async def said() -> bool:
            async with database.reading() as db:
                farewells = select(Act.outcome).where(Act.utterance == "farewell")
                return list(await db.scalars(farewells)) == ["sent", "sent"]

        await bridge.until(said)
        bridge.clock.go_ahead(READ_WITHIN)

        async def over() -> bool:
            async with database.reading() as db:
                ours = select(Room.closed).where(Room.group_id.in_((gone, kept)))
                return None not in list(await db.scalars(ours))

        await bridge.until(over)
        events = await left_with(ben, emptied, token)
        said = [n for n, each in enumerate(events) if each["type"] == "m.room.encrypted"]
        assert said and events[-1]["content"]["membership"] == "leave" and said[-1] < len(events) - 1
        assert events[-1]["content"]["reason"].startswith("This group has come to its end")
        assert (await ada.ask("GET", f"rooms/{emptied}/joined_members"))[0] == 403
        assert await joined(ben, going_on) == {ada.user_id, ben.user_id}
        levels = await ada.state(going_on, "m.room.power_levels")
        assert levels["users"] == {ada.user_id: 100}
        await ada.set_state(going_on, "m.room.power_levels", {**levels, "users": {ada.user_id: 100, ben.user_id: 100}})
        await ada.set_state(going_on, "m.room.tombstone", {"body": "Elsewhere", "replacement_room": emptied})
        async with database.reading() as db:
            farewells = await db.execute(select(Act.outcome, Act.parameters).where(Act.utterance == "farewell"))
            assert [tuple(each) for each in farewells] == [("sent", None)] * 2
            pages = [
                await groups.page(db, by=bridge.ada, group_id=each, now=bridge.clock.now()) for each in (gone, kept)
            ]
        assert [(page.life.state, page.life.left) for page in pages] == [("closed", True)] * 2
    finally:
        await bridge.stop()
