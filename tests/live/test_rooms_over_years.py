"""Rooms over years on a real homeserver: version 11 becomes 12, one is replaced by the recovery account and then lost
and made anew; and whose word wins in them meanwhile."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from bridge.matrix.client import NioHomeserver
from bridge.matrix.homeserver import MARKER_KEY
from facilitator import groups, renewals, sightings
from facilitator.database import Database
from facilitator.groups import GroupPage
from facilitator.ids import GroupId, MatrixRoomId, RoomId
from facilitator.renewals import How
from tests.live.whole_bridge import WholeBridge
from tests.live.world import Person, World

pytestmark = pytest.mark.live


@dataclass
class Years:
    """A bridge with a recovery account, and its people."""

    bridge: WholeBridge
    client: NioHomeserver
    ada: Person
    ben: Person
    recovery: Person

    async def group(self, *, version: str = "12") -> tuple[GroupId, RoomId, MatrixRoomId]:
        """Its room, with Ada, Ben and the recovery account in it."""
        self.client._room_version = version
        group, room_id, room = await self.bridge.open_group()
        await self.bridge.invite(group, self.ben.user_id)
        await self.all_in(room)
        return group, room_id, room

    async def all_in(self, room: MatrixRoomId) -> None:
        for person in (self.ada, self.ben, self.recovery):
            await self.bridge.until(lambda person=person: self.is_in(room, person, "invite", "join"))  # type: ignore[misc]
            await person.join(room)

    async def is_in(self, room: MatrixRoomId, person: Person, *memberships: str) -> bool:
        """By what their own server shows them."""
        answer = await person.do("GET", "sync?timeout=0")
        where = {"join": "join", "invite": "invite", "leave": "leave"}
        return any(room in answer.get("rooms", {}).get(where[membership], {}) for membership in memberships)

    async def is_out(self, room: MatrixRoomId, person: Person) -> bool:
        """As those who are in it see it."""
        return person.user_id not in (await self.ada.do("GET", f"rooms/{room}/joined_members"))["joined"]

    async def page(self, group: GroupId) -> GroupPage:
        async with self.bridge.database.transaction() as db:
            for name in ("bridge", "homeserver"):
                await sightings.beat(db, name, now=self.bridge.clock.now())
        async with self.bridge.database.reading() as db:
            return await groups.page(db, by=self.bridge.ada, group_id=group, now=self.bridge.clock.now())

    async def agree(self, group: GroupId, how: How) -> None:
        async with self.bridge.database.transaction() as db:
            await renewals.agree(db, by=self.bridge.ada, group_id=group, how=how, now=self.bridge.clock.now())

    async def elsewhere(self, room_id: RoomId, than: MatrixRoomId) -> MatrixRoomId:
        """Where the room has gone on."""

        async def moved() -> bool:
            return await self._matrix(room_id) not in (None, than)

        await self.bridge.until(moved)
        found = await self._matrix(room_id)
        assert found is not None
        return found

    async def _matrix(self, room_id: RoomId) -> MatrixRoomId | None:
        async with self.bridge.database.reading() as db:
            return await sightings.matrix_room(db, room_id)

    async def until_state(self, room: MatrixRoomId, kind: str, **values: Any) -> None:
        async def holds() -> bool:
            state = await self.ada.state(room, kind)
            return all(state.get(name) == value for name, value in values.items())

        await self.bridge.until(holds)

    async def until_page(self, group: GroupId, trouble: str | None) -> None:
        async def shows() -> bool:
            room = (await self.page(group)).room
            return room.trouble == trouble and (trouble is not None or room.state == "up_to_date")

        await self.bridge.until(shows)


@pytest.fixture
async def years(world: World, database: Database) -> AsyncIterator[Years]:
    client, ada = await world.client(), await world.person("ada")
    ben, recovery = await world.person("ben"), await world.person("recovery")
    bridge = await WholeBridge(database, client, ada.user_id).start(recovery=recovery.user_id)
    yield Years(bridge, client, ada, ben, recovery)
    await bridge.stop()


async def test_a_room_of_version_eleven_keeps_its_rules_and_becomes_one_of_version_twelve(
    years: Years, world: World
) -> None:
    ada, ben, recovery, eve = years.ada, years.ben, years.recovery, await world.person("eve")
    group, room_id, old = await years.group(version="11")

    await ada.set_state(old, "m.room.name", {"name": "Birch room"})
    await recovery.set_state(old, "m.room.join_rules", {"join_rule": "public"})
    await eve.ask("POST", f"join/{old}", {})  # in time or not: the door is about to be closed again
    await recovery.set_state(old, "m.room.server_acl", {"allow": ["localhost"], "allow_ip_literals": True})
    await recovery.set_state(old, "m.room.topic", {"topic": "what it is about"})
    await years.until_state(old, "m.room.join_rules", join_rule="invite")
    await years.until_state(old, "m.room.server_acl", allow=["*"], allow_ip_literals=False)
    await years.until_state(old, "m.room.topic", topic="")
    # By the room itself: where she came in just as the door was closed, the room's state is settled without her, and
    # no event says that she has left. Who is only seen, before they are heard, has half a minute.
    await years.bridge.until(lambda: years.is_out(old, eve), within=timedelta(seconds=90))
    await years.until_page(group, None)
    assert (await years.page(group)).name == "Birch room"
    assert (await ada.state(old, "m.room.name"))["name"] == "Birch room"

    years.client._room_version = "12"
    await years.bridge.look_again(room_id)
    await years.bridge.until(lambda: _possible(years, group))
    await years.agree(group, "upgrade")
    new = await years.elsewhere(room_id, old)
    await years.all_in(new)
    created = await ada.state(new, "m.room.create")
    assert created[MARKER_KEY] == room_id
    assert (created["room_version"], created["predecessor"]) == ("12", {"room_id": old})
    assert created["additional_creators"] == [recovery.user_id]
    assert (await ada.state(new, "m.room.name"))["name"] == "Birch room"
    assert (await ada.state(new, "m.room.power_levels"))["users"] == {ada.user_id: 50}
    assert (await ada.state(new, "m.room.encryption"))["algorithm"] == "m.megolm.v1.aes-sha2"
    await years.until_state(old, "m.room.tombstone", replacement_room=new)
    await years.bridge.until(lambda: _is_quiet(ben, old))
    await years.until_page(group, None)
    await years.bridge.until_line(group, ben.user_id, lambda line: line.standing == "joined")


async def _possible(years: Years, group: GroupId) -> bool:
    async with years.bridge.database.reading() as db:
        return (await renewals.care(db, group)).possible == "upgrade"


async def _is_quiet(person: Person, room: MatrixRoomId) -> bool:
    path = f"rooms/{room}/send/m.room.message/{room[1:9]}"
    status, answer = await person.ask("PUT", path, {"msgtype": "m.text", "body": "anybody here?"})
    return status == 403 and answer["errcode"] == "M_FORBIDDEN"


async def test_what_the_recovery_account_puts_in_a_rooms_place_is_followed_and_a_lost_room_is_made_anew(
    years: Years,
) -> None:
    group, room_id, old = await years.group()
    body = {"new_version": "12", "additional_creators": [years.client.user_id]}
    replaced = MatrixRoomId((await years.recovery.do("POST", f"rooms/{old}/upgrade", body))["replacement_room"])
    await years.recovery.invite(replaced, years.client.user_id)
    assert await years.elsewhere(room_id, old) == replaced
    await years.bridge.until(lambda: years.is_in(replaced, years.ben, "invite"))
    for person in (years.ada, years.ben):
        await person.join(replaced)
    await years.until_page(group, None)

    await years.client._connection.post(f"/_matrix/client/v3/rooms/{replaced}/leave", {}, kind="leave")
    await years.until_page(group, "room_lost")
    await years.agree(group, "remake")
    new = await years.elsewhere(room_id, replaced)
    assert (await years.client.look(new)).predecessor == replaced
    await years.bridge.until(lambda: years.is_in(new, years.ben, "invite"))
    await years.ben.join(new)
    await years.until_page(group, None)
    await years.bridge.until_line(group, years.ben.user_id, lambda line: line.standing == "joined")
