"""Listen until something is heard, as the bridge's listener would: cursor in, cursor out."""

from collections.abc import Callable
from datetime import timedelta

from bridge.heard import Heard, MembershipChanged, Message, Sync, Unreadable
from bridge.matrix.client import NioHomeserver
from facilitator.ids import MatrixRoomId, UserId

POLLS = 12
WAIT = timedelta(seconds=3)


class Ear:
    """Holds the cursor for a test. What was heard stays in `heard`, in order. `patient`: a key may come after the words
    it opens, as it does from another server; they are then read again."""

    def __init__(self, client: NioHomeserver, cursor: str | None = None, *, patient: bool = False) -> None:
        self.client, self.cursor, self._patient = client, cursor, patient
        self.heard: list[Heard] = []
        self.syncs: list[Sync] = []

    async def begin(self) -> "Ear":
        await self.once(wait=timedelta(0))
        return self

    async def once(self, *, wait: timedelta = WAIT) -> Sync:
        sync = await self.client.listen(self.cursor, wait=wait)
        self.cursor = sync.next_batch
        self.heard += sync.events
        self.syncs.append(sync)
        if self._patient and sync.keys_arrived:
            await self._read_again(sync)
        return sync

    async def _read_again(self, sync: Sync) -> None:
        unread = [event for event in self.heard if isinstance(event, Unreadable)]
        for event in unread:
            if (event.room, event.session_id) in sync.keys_arrived:
                self.heard += await self.client.read_again(event.room, [event.event_id])

    async def until(self, wanted: Callable[[Heard], bool]) -> Heard:
        for _ in range(POLLS):
            for event in self.heard:
                if wanted(event):
                    return event
            await self.once()
        raise AssertionError(f"not heard among {[type(event).__name__ for event in self.heard]}")

    async def message(self, body: str) -> Message:
        said = await self.until(lambda event: isinstance(event, Message) and event.body == body)
        assert isinstance(said, Message)
        return said

    async def joined(self, room: MatrixRoomId, user: UserId) -> None:
        await self.until(
            lambda event: (
                isinstance(event, MembershipChanged)
                and (event.room, event.user, event.membership) == (room, user, "join")
            )
        )

    @property
    def messages(self) -> list[str]:
        return [event.body for event in self.heard if isinstance(event, Message)]
