"""Other people's devices: who has which, and an encrypted session with each.

nio asks one question per room and again and again after people whose server is gone; here one request asks for all
who are needed, and what gave no answer is left in peace for a while.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from bridge.matrix import to_device
from bridge.matrix.connection import Connection, needed, path
from bridge.matrix.hardened import Device, Machine
from bridge.matrix.homeserver import Rejected
from bridge.matrix.our_keys import ONE_TIME
from facilitator.clock import Clock

ASK_AGAIN = timedelta(minutes=5)
SERVERS_MAY_TAKE_MS = 4_000


class TheirKeys:
    def __init__(self, machine: Machine, connection: Connection, clock: Clock) -> None:
        self._machine, self._connection, self._clock = machine, connection, clock
        self._known: set[str] = set()
        self._changed_meanwhile: set[str] = set()
        self._in_peace_until: dict[object, float] = {}
        self._asking, self._claiming = asyncio.Lock(), asyncio.Lock()

    def changed(self, users: Iterable[str]) -> None:
        """Their devices have changed: ask again before anything is sent to them or believed of them."""
        changed = set(users)
        self._known -= changed
        self._changed_meanwhile |= changed

    async def know(self, users: Iterable[str]) -> None:
        """Have the devices of these people, asking in one request about those not known."""
        wanted = set(users)
        if not self._to_ask(wanted):
            return
        async with self._asking:
            asked = self._to_ask(wanted)
            if not asked:
                return
            self._changed_meanwhile.clear()
            try:
                answer = await self._query(asked)
            except Rejected:  # one id it does not like must not stop us from hearing and speaking
                self._machine.faults["key_query"] += 1
                self._leave_in_peace(asked)
                return
            self._machine.learn_devices(answer)
            silent = answer.get("failures") or {}
            unanswered = {user for user in asked if user.partition(":")[2] in silent}
            self._known |= asked - unanswered - self._changed_meanwhile
            self._leave_in_peace(unanswered)

    def answered(self, user: str) -> bool:
        """Whether their server has said which devices they have, and nothing has changed since."""
        return user in self._known

    def _to_ask(self, users: set[str]) -> set[str]:
        return {user for user in users - self._known if self._may_ask(user)}

    async def _query(self, users: set[str]) -> dict[str, Any]:
        body = {"device_keys": {user: [] for user in sorted(users)}, "timeout": SERVERS_MAY_TAKE_MS}
        answer = await self._connection.post(path("keys", "query"), body, kind="keys")
        needed(answer, "device_keys", dict)
        return answer

    async def open_sessions(self, devices: Iterable[Device]) -> None:
        """Have an Olm session with each of these devices, claiming what is missing in one request. A device that
        gives no usable key is passed over."""
        wanted = set(devices)
        if not self._to_claim(wanted):
            return
        async with self._claiming:
            missing = self._to_claim(wanted)
            if missing:
                await self._claim(missing)
                self._leave_in_peace(device for device in missing if not self._has_session(device))

    def _to_claim(self, devices: set[Device]) -> set[Device]:
        return {device for device in devices if not self._has_session(device) and self._may_ask(device)}

    async def mend(self) -> None:
        """Begin anew with devices whose session with us no longer decrypts, and tell them by an empty message. Each
        at most once in a while: anybody can send what does not decrypt."""
        machine = self._machine
        broken = {(device.user_id, device.id) for device in machine.wedged_devices}
        async with self._claiming:
            due = {device for device in broken if self._may_ask(device)}
            if due:
                await self._claim(due)
                self._leave_in_peace(due)
            machine.wedged_devices.clear()
            waiting = list(machine.outgoing_to_device_messages)
            machine.outgoing_to_device_messages.clear()
        parcels = [((message.recipient, message.recipient_device), message.content) for message in waiting]
        await to_device.send(self._connection, "m.room.encrypted", parcels)

    async def _claim(self, devices: set[Device]) -> None:
        wanted: dict[str, dict[str, str]] = {}
        for user, device in sorted(devices):
            wanted.setdefault(user, {})[device] = ONE_TIME
        body = {"one_time_keys": wanted, "timeout": SERVERS_MAY_TAKE_MS}
        answer = await self._connection.post(path("keys", "claim"), body, kind="keys")
        needed(answer, "one_time_keys", dict)
        self._machine.start_sessions(answer)

    def _has_session(self, device: Device) -> bool:
        user, device_id = device
        held = self._machine.device_store[user].get(device_id)
        return held is not None and self._machine.session_store.get(held.curve25519) is not None

    def _may_ask(self, thing: object) -> bool:
        return self._in_peace_until.get(thing, 0.0) <= self._clock.monotonic()

    def _leave_in_peace(self, things: Iterable[object]) -> None:
        until = self._clock.monotonic() + ASK_AGAIN.total_seconds()
        self._in_peace_until.update(dict.fromkeys(things, until))
