"""The real client on a real Synapse keeps the contract the fake keeps, test for test."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from bridge.matrix.homeserver import Homeserver, Rejected
from facilitator.ids import EventId, MatrixRoomId, UserId
from tests.homeserver_contract import HomeserverContract
from tests.live.keys_of_a_stranger import RawDevice
from tests.live.lossy_line import LossyLine, lossy_line
from tests.live.world import ENCRYPTION, Bot, Person, World

pytestmark = pytest.mark.live
SAID = ("m.room.message", "m.room.encrypted")


class RealOther:
    """Somebody on the homeserver, by plain HTTP."""

    def __init__(self, person: Person) -> None:
        self._person = person

    @property
    def user_id(self) -> UserId:
        return self._person.user_id

    async def _do(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        status, answer = await self._person.ask(method, path, body)
        if status >= 400:
            raise Rejected(answer["errcode"])
        return answer

    async def join(self, room: MatrixRoomId) -> None:
        await self._do("POST", f"join/{quote(room)}", {})

    async def leave(self, room: MatrixRoomId) -> None:
        await self._do("POST", f"rooms/{quote(room)}/leave", {})

    async def invite(self, room: MatrixRoomId, user: UserId) -> None:
        await self._do("POST", f"rooms/{quote(room)}/invite", {"user_id": user})

    async def kick(self, room: MatrixRoomId, user: UserId) -> None:
        await self._do("POST", f"rooms/{quote(room)}/kick", {"user_id": user})

    async def ban(self, room: MatrixRoomId, user: UserId) -> None:
        await self._do("POST", f"rooms/{quote(room)}/ban", {"user_id": user})

    async def set_state(self, room: MatrixRoomId, type_: str, content: Mapping[str, Any]) -> None:
        await self._do("PUT", f"rooms/{quote(room)}/state/{type_}/", content)

    async def say_in_clear(self, room: MatrixRoomId, body: str) -> EventId:
        return EventId(await self._person.say_in_clear(room, body))

    async def sees(self, room: MatrixRoomId) -> list[EventId]:
        answer = await self._do("GET", f"rooms/{quote(room)}/messages?dir=b&limit=500")
        said = [event for event in answer["chunk"] if event["type"] in SAID and event["content"]]
        return [EventId(event["event_id"]) for event in reversed(said)]

    async def make_room(
        self, inviting: UserId, *, direct: bool, encrypted: bool, version: str = "12", trusting: bool = False
    ) -> MatrixRoomId:
        encryption = {"type": "m.room.encryption", "state_key": "", "content": ENCRYPTION}
        return await self._person.create(
            preset="trusted_private_chat" if trusting else "private_chat",
            room_version=version,
            is_direct=direct,
            invite=[inviting],
            initial_state=[encryption] if encrypted else [],
        )

    async def use_unsigned_device(self) -> None:
        device = RawDevice(self._person)
        await device.publish(one_time=device.sound_one_time_keys(10))


class RealWorld:
    def __init__(self, world: World, bot: Bot, line: LossyLine) -> None:
        self._world, self._bot, self._line = world, bot, line
        self._copies: list[Bot] = []

    async def start(self) -> Homeserver:
        await self._bot.close()
        return await self._bot.start()

    async def start_beside(self) -> Homeserver:
        copy = self._bot.copied()
        self._copies.append(copy)
        return await copy.start()

    async def close(self) -> None:
        for bot in (self._bot, *self._copies):
            await bot.close()

    async def other(self, name: str) -> RealOther:
        return RealOther(await self._world.person(name))

    def lose_next_answer(self) -> None:
        self._line.lose_next()

    async def sign_out(self) -> None:
        headers = {"Authorization": f"Bearer {self._bot.account.access_token}"}
        async with self._line.http.post(f"{self._world.url}/_matrix/client/v3/logout", headers=headers) as answer:
            assert answer.status == 200


class TestTheRealHomeserverKeepsTheContract(HomeserverContract):
    @pytest.fixture
    async def world(self, world: World) -> AsyncIterator[RealWorld]:
        bot = await world.bot()
        async with lossy_line(world.url) as line:
            bot.account = replace(bot.account, homeserver=line.url)
            made = RealWorld(world, bot, line)
            yield made
            await made.close()
