"""Pages that follow what happens while somebody looks at them: one watcher for all of them, which asks the database
seldom and for little, and tells those whose page has changed, and nothing more.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from facilitator import changes
from facilitator.accounts import SignedIn
from facilitator.changes import Mark
from facilitator.clock import Clock
from facilitator.database import Database, Unavailable
from facilitator.errors import N_, NotFound
from facilitator.ids import AccountId, GroupId

HOME = "home"
EVERY = timedelta(seconds=15)
SOON = timedelta(seconds=3)
"""After something was changed here: what the bridge makes of it is seen by then."""
OF_ONE, OF_ALL = 4, 500
NOT_THERE = N_("There is no such page among yours.")


class Rings(Protocol):
    """The bell: tells the bridge that something changed. Ringing never fails; the bridge also looks by itself."""

    async def ring(self) -> None: ...


@dataclass(eq=False)
class Stream:
    """One page that somebody looks at. `page`: HOME, or a group's id; `gone`: whether the browser has hung up."""

    account: AccountId
    page: str
    token: str = field(repr=False)
    gone: Callable[[], bool] = field(repr=False)
    mark: Mark | None = None
    changed: bool = False
    over: bool = False
    _stirred: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def stir(self, *, changed: bool = False, over: bool = False) -> None:
        self.changed, self.over = self.changed or changed, self.over or over
        self._stirred.set()

    async def next(self) -> str:
        """What to tell the browser next: changed, over, or only that we are here. Changes come together where the
        browser is slow."""
        await self._stirred.wait()
        self._stirred.clear()
        if self.over:
            return "over"
        told, self.changed = self.changed, False
        return "changed" if told else ""


class Live:
    """All open streams of this process, and who watches for them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._streams: list[Stream] = []
        self._watcher: asyncio.Task[None] | None = None
        self._stirred = asyncio.Event()

    @property
    def open(self) -> int:
        return len(self._streams)

    async def follow(self, signed_in: SignedIn, token: str, page: str, *, gone: Callable[[], bool]) -> Stream | None:
        """A new stream; None where there are too many. Who has many open loses the oldest. Raises NotFound."""
        stream = Stream(signed_in.account_id, page, token, gone)
        await self._mark([stream])
        self._drop([each for each in self._streams if each.gone()])
        if stream.mark is None:
            raise NotFound(NOT_THERE)
        if len(self._streams) >= OF_ALL:
            return None
        mine = [each for each in self._streams if each.account == stream.account]
        self._drop(mine[: max(len(mine) - OF_ONE + 1, 0)])
        self._streams.append(stream)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        return stream

    def leave(self, stream: Stream) -> None:
        if stream in self._streams:
            self._streams.remove(stream)

    def stir(self) -> None:
        """Something was changed from here: look soon, not only when it is time."""
        self._stirred.set()

    async def stop(self) -> None:
        """The panel stops, or has nobody to watch for any more."""
        self._drop(list(self._streams))
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher

    def _drop(self, streams: list[Stream]) -> None:
        for each in streams:
            self.leave(each)
            each.stir(over=True)

    async def _watch(self) -> None:
        while self._streams:
            await self._wait()
            with suppress(Unavailable):  # whoever looks sees the page they have; the next look tells
                await self._look()

    async def _wait(self) -> None:
        slept = asyncio.ensure_future(self._clock.sleep(EVERY))
        stirred = asyncio.ensure_future(self._stirred.wait())
        try:
            await asyncio.wait({slept, stirred}, return_when=asyncio.FIRST_COMPLETED)
            if stirred.done():
                await self._clock.sleep(SOON)
                self._stirred.clear()
        finally:
            slept.cancel()
            stirred.cancel()

    async def _look(self) -> None:
        streams = list(self._streams)
        async with self._database.reading() as db:
            now = self._clock.now()
            signed_in = await changes.still_signed_in(db, {each.token for each in streams}, now=now)
        self._drop([each for each in streams if each.token not in signed_in or each.gone()])
        left = [each for each in streams if not each.over]
        before = {id(each): each.mark for each in left}
        await self._mark(left)
        self._drop([each for each in left if each.mark is None])
        for each in left:
            each.stir(changed=each.mark != before[id(each)])

    async def _mark(self, streams: list[Stream]) -> None:
        """How the pages are now: as many statements for all of them as for one."""
        homes = {each.account for each in streams if each.page == HOME}
        looked_at = {(each.account, GroupId(each.page)) for each in streams if each.page != HOME}
        now = self._clock.now()
        async with self._database.reading() as db:
            of_homes = await changes.of_homes(db, homes, now=now) if homes else {}
            of_groups = await changes.of_groups(db, looked_at, now=now) if looked_at else {}
        for each in streams:
            each.mark = of_homes.get(each.account, ()) if each.page == HOME else of_groups.get(GroupId(each.page))


class Heard:
    """The bell, and the pages that follow what happens: both hear of every change made here."""

    def __init__(self, bell: Rings, live: Live) -> None:
        self._bell, self._live = bell, live

    async def ring(self) -> None:
        self._live.stir()
        await self._bell.ring()
