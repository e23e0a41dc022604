"""Are the keys we hold the latest there are? A mark on the server and the same one in the key store must agree.

An encryption key store is only good while it is the newest: brought back from an old copy, or run twice from a copied
folder, it repeats one-time keys and ratchet steps, and members' apps stop understanding the bot. Matrix fences neither,
and a lock in our own database cannot see a copy of that database. So each process leaves a random mark in the bot's
own account data, noted in the key store and the database *before* it is written, and changed as time goes on: whoever
finds a mark they do not know is not the latest. A mark says nothing and is no secret.
"""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from bridge.matrix.connection import Connection, path
from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import Overtaken, Rejected
from bridge.matrix.keystore import Store
from bridge.matrix.ratchets import peewee
from facilitator.clock import Clock

TYPE = "io.hearth.bridge"
MARK_BYTES = 9
EVERY = timedelta(minutes=10)
"""How old a copy has to be, at most, to be known as one."""


class MarkStorage(Protocol):
    """Where the marks are kept beside the key store: the last one on the server, and one that may be by now."""

    async def keep_marks(self, marks: Sequence[str]) -> None: ...


class _Mark(peewee.Model):
    device_id = peewee.TextField()
    mark = peewee.TextField()

    class Meta:
        table_name = "marks"
        primary_key = peewee.CompositeKey("device_id", "mark")


class Generation:
    """This device's marks. `check` and `begin` before its keys are used, `keep_up` now and then."""

    def __init__(self, machine: Machine, connection: Connection, storage: MarkStorage, clock: Clock) -> None:
        self._machine, self._connection, self._storage, self._clock = machine, connection, storage, clock
        self._address = path("user", machine.user_id, "account_data", TYPE)
        self._known = _of(machine.store, machine.device_id)
        self._written = clock.monotonic()
        self._turn = asyncio.Lock()

    async def check(self) -> None:
        """Raises Overtaken when this key store is not the latest. One whose keys were never shown cannot be old."""
        if self._machine.account.shared:
            await self._look()

    async def begin(self) -> None:
        """Say that this process holds the account: any other that did hears it."""
        async with self._turn:
            await self._write()

    async def keep_up(self) -> None:
        """Look whether another process has left its mark, and move on when it is time to. Raises Overtaken."""
        async with self._turn:
            await self._look()
            if self._clock.monotonic() - self._written >= EVERY.total_seconds():
                await self._write()

    async def give_up(self) -> None:
        """These keys are not the latest: no start accepts them again."""
        await self._note([])

    async def _look(self) -> None:
        shown = await shown_mark(self._connection, self._machine.user_id)
        if shown is not None and shown not in self._known:
            await self.give_up()
            raise Overtaken

    async def _write(self) -> None:
        """A mark whose writing has an unknown end is written again: there are two in question, never more."""
        mark = self._known[-1] if len(self._known) > 1 else secrets.token_urlsafe(MARK_BYTES)
        await self._note([*self._known[:1], mark])
        await self._connection.put(self._address, {"mark": mark}, kind="account_data")
        self._written = self._clock.monotonic()
        await self._note([mark])

    async def _note(self, marks: Sequence[str]) -> None:
        store, device = self._machine.store, self._machine.device_id
        with store.together():
            store.database.bind([_Mark])
            _Mark.delete().where(_Mark.device_id == device).execute()
            for mark in dict.fromkeys(marks):
                _Mark.create(device_id=device, mark=mark)
        store.to_disk()
        self._known = list(marks)
        await self._storage.keep_marks(marks)


async def shown_mark(connection: Connection, user_id: str) -> str | None:
    """The mark on the server; None when nobody left one."""
    try:
        return _mark(await connection.get(path("user", user_id, "account_data", TYPE)))
    except Rejected as refused:
        if refused.code != "M_NOT_FOUND":
            raise
        return None


def _mark(content: Any) -> str | None:
    mark = content.get("mark") if isinstance(content, dict) else None
    return mark if isinstance(mark, str) else None


def _of(store: Store, device_id: str) -> list[str]:
    store.database.bind([_Mark])
    _Mark.create_table(safe=True)
    return [row.mark for row in _Mark.select().where(_Mark.device_id == device_id)]
