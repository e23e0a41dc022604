"""Other people's devices: who has which, and an encrypted session with each.

nio asks one question per room and again and again after people whose server is gone; here one request to each server
asks for all who are needed there, and what gave no answer is left in peace for a while.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import timedelta
from functools import partial
from math import inf
from typing import Any, TypeVar

from bridge.matrix import screening, to_device
from bridge.matrix.bounds import keep_newest
from bridge.matrix.connection import Connection, TooMuch, needed, path
from bridge.matrix.hardened import Device, Machine
from bridge.matrix.homeserver import HomeserverError, Rejected
from bridge.matrix.other_servers import OtherServers, Question
from bridge.matrix.our_keys import ONE_TIME
from bridge.matrix.remembered import Remembered
from facilitator.clock import Clock
from facilitator.ids import UserId
from facilitator.rules.user_id import server_of

Thing = TypeVar("Thing", str, Device)
Still = Callable[[set[Device]], set[Device]]

ASK_AGAIN = timedelta(minutes=5)
PATIENCE = timedelta(seconds=4)
"""How long other people's servers are waited for, where what they say is needed at once."""
SERVERS_MAY_TAKE_MS = 10_000
"""How long our own homeserver waits for them. Whoever cannot wait so long goes on without."""
HOWEVER_LONG = timedelta(milliseconds=SERVERS_MAY_TAKE_MS) + timedelta(seconds=2)
"""Until ours has given them up: the wait of whoever has nothing better to do."""
HEARD_FROM = timedelta(seconds=30)
REMEMBERED = 10_000
"""People, devices and servers, of which any number may be named to us."""


class TheirKeys:
    def __init__(self, machine: Machine, connection: Connection, clock: Clock) -> None:
        self._machine, self._connection, self._clock = machine, connection, clock
        self._remembered = Remembered(machine.store)
        self.identities: dict[str, str] = {}
        """The master keys that were shown and not asked for yet; of people in our rooms."""
        self._known = self._remembered.people()
        self._changes: dict[str, int] = {}
        """Which change of whom was the latest, counted over all."""
        self._counted = 0
        self._in_peace_until: dict[object, float] = {}
        self._called_on: dict[str, float] = {}
        self._home = _server_of(machine.user_id)
        self._servers = OtherServers(self._home)

    def changed(self, users: Iterable[str]) -> None:
        """Their devices have changed: ask again before anything is sent to them or believed of them."""
        changed = set(users)
        self._remembered.forget_people(changed & self._known)
        self._known -= changed
        for user in changed:
            self._counted += 1
            self._changes[user] = self._counted
        keep_newest(self._changes, REMEMBERED)
        self.heard_from(changed)

    def begin_anew(self) -> None:
        """Nobody will tell whose devices changed meanwhile."""
        self.changed(set(self._known))

    def heard_from(self, users: Iterable[str]) -> None:
        """These people's servers are there: whom one gave no answer about may be asked for again, though not with
        every word that comes from there."""
        now = self._clock.monotonic()
        there = {_server_of(user) for user in users}
        for server in there:
            self._servers.well(server)
        due = {server for server in there if self._called_on.get(server, -inf) + HEARD_FROM.total_seconds() <= now}
        if due and self._in_peace_until:
            self._called_on.update(dict.fromkeys(due, now))
            keep_newest(self._called_on, REMEMBERED)
            for thing in [thing for thing in self._in_peace_until if _server_of(thing) in due]:
                del self._in_peace_until[thing]

    async def know(self, users: Iterable[str], *, patience: timedelta = PATIENCE, slow_too: bool = False) -> None:
        """Have the devices of these people, asking each server once about those not known. Who is on another server
        that does not answer within `patience`, or is known to be slow, is learned of later."""
        by_server = _by_server(self._to_ask(set(users)))
        questions: dict[str, Question] = {at: partial(self._learn, asked) for at, asked in by_server.items()}
        await self._servers.ask("query", questions, patience=patience, slow_too=slow_too)

    async def know_speakers(self, users: Collection[str]) -> None:
        """Have the devices of people of whom something was just heard: their servers are there to be asked."""
        self.heard_from(users)
        await self.know(users)

    async def _learn(self, users: set[str]) -> bool:
        asked = self._to_ask(users)
        if not asked:
            return True
        before = {user: self._changes.get(user) for user in asked}
        try:
            answer = await self._query(asked)
        except TooMuch:
            return await self._by_halves(self._learn, asked)
        except Rejected:  # one id it does not like must not stop us from hearing and speaking
            self._machine.faults["key_query"] += 1
            self._leave_in_peace(asked)
            return False
        except HomeserverError:
            self._leave_in_peace(self._elsewhere(asked))
            raise
        self._machine.learn_devices(answer)
        self.identities |= screening.master_keys(answer, asked)
        silent = screening.mapping(answer.get("failures"))
        unanswered = {user for user in asked if _server_of(user) in silent}
        now_known = {user for user in asked - unanswered if self._changes.get(user) == before[user]}
        self._known |= now_known
        self._remembered.keep_people(now_known)
        self._leave_in_peace(unanswered)
        return not unanswered

    async def _by_halves(self, ask: Callable[[set[Thing]], Awaitable[bool]], things: set[Thing]) -> bool:
        """The answer about these is too large. One of them has keys without end: what the others have is learned."""
        if len(things) == 1:
            self._machine.faults["too_much"] += 1
            self._leave_in_peace(things)
            return False
        some = set(sorted(things)[: len(things) // 2])
        return all([await ask(some), await ask(things - some)])

    def answered(self, user: str) -> bool:
        """Whether their server has said which devices they have, and nothing has changed since."""
        return user in self._known

    def _to_ask(self, users: set[str]) -> set[str]:
        return {user for user in users - self._known if self._may_ask(user)}

    async def _query(self, users: set[str]) -> dict[str, Any]:
        body = {"device_keys": {user: [] for user in sorted(users)}, "timeout": SERVERS_MAY_TAKE_MS}
        answer = await self._connection.post(_timed("query"), body, kind="keys")
        needed(answer, "device_keys", dict)
        return answer

    async def open_sessions(
        self, devices: Iterable[Device], *, patience: timedelta = PATIENCE, slow_too: bool = False
    ) -> None:
        """Have an Olm session with each of these devices, claiming what is missing in one request to each server. A
        device that gives no usable key, or whose server does not answer within `patience`, is passed over."""
        await self._begin_with(self._to_claim(set(devices)), self._to_claim, patience, slow_too)

    async def close(self) -> None:
        await self._servers.close()

    async def _begin_with(
        self, devices: set[Device], still: Still, patience: timedelta, slow_too: bool = False
    ) -> None:
        by_server = _by_server(devices)
        questions: dict[str, Question] = {at: partial(self._claim_all, asked, still) for at, asked in by_server.items()}
        await self._servers.ask("claim", questions, patience=patience, slow_too=slow_too)

    async def _claim_all(self, devices: set[Device], still: Still) -> bool:
        missing = still(devices)
        if not missing:
            return True
        try:
            answered = await self._claim(missing)
        except TooMuch:
            return await self._by_halves(lambda some: self._claim_all(some, still), missing)
        except HomeserverError:
            self._leave_in_peace(self._elsewhere(missing))
            raise
        self._leave_in_peace(device for device in missing if not self._has_session(device))
        return answered

    def _to_claim(self, devices: set[Device]) -> set[Device]:
        return {device for device in self._due(devices) if not self._has_session(device)}

    def _due(self, devices: set[Device]) -> set[Device]:
        return {device for device in devices if self._may_ask(device)}

    async def mend(self) -> None:
        """Begin anew with devices whose session with us no longer decrypts, and tell them by an empty message. Each
        at most once in a while: anybody can send what does not decrypt."""
        machine = self._machine
        broken = {(device.user_id, device.id) for device in machine.wedged_devices}
        due = self._due(broken)
        await self._begin_with(due, self._due, PATIENCE)
        self._leave_in_peace(due)
        machine.wedged_devices.clear()
        waiting = list(machine.outgoing_to_device_messages)
        machine.outgoing_to_device_messages.clear()
        parcels = [to_device.Parcel((m.recipient, m.recipient_device), m.content) for m in waiting]
        await to_device.send(self._connection, "m.room.encrypted", parcels)

    async def _claim(self, devices: set[Device]) -> bool:
        wanted: dict[str, dict[str, str]] = {}
        for user, device in sorted(devices):
            wanted.setdefault(user, {})[device] = ONE_TIME
        body = {"one_time_keys": wanted, "timeout": SERVERS_MAY_TAKE_MS}
        answer = await self._connection.post(_timed("claim"), body, kind="keys")
        needed(answer, "one_time_keys", dict)
        self._machine.start_sessions(answer)
        return not screening.mapping(answer.get("failures"))

    def _has_session(self, device: Device) -> bool:
        user, device_id = device
        held = self._machine.device_store[user].get(device_id)
        return held is not None and self._machine.session_store.get(held.curve25519) is not None

    def _elsewhere(self, things: Iterable[Thing]) -> list[Thing]:
        """Ours is asked again at once: without it nothing is said at all."""
        return [thing for thing in things if _server_of(thing) != self._home]

    def _may_ask(self, thing: object) -> bool:
        return self._in_peace_until.get(thing, 0.0) <= self._clock.monotonic()

    def _leave_in_peace(self, things: Iterable[object]) -> None:
        until = self._clock.monotonic() + ASK_AGAIN.total_seconds()
        self._in_peace_until.update(dict.fromkeys(things, until))
        keep_newest(self._in_peace_until, REMEMBERED)


def _server_of(thing: object) -> str:
    """Of a person, or of a person's device."""
    return server_of(UserId(str(thing[0] if isinstance(thing, tuple) else thing)))


def _by_server(things: Iterable[Thing]) -> dict[str, set[Thing]]:
    sorted_out: defaultdict[str, set[Thing]] = defaultdict(set)
    for thing in things:
        sorted_out[_server_of(thing)].add(thing)
    return dict(sorted_out)


def _timed(what: str) -> str:
    """The specification has the time in the body; Synapse looks for it in the address."""
    return f"{path('keys', what)}?timeout={SERVERS_MAY_TAKE_MS}"
