"""Listen until something is heard, as the bridge's listener would: cursor in, cursor out."""

from collections.abc import Callable
from datetime import timedelta

from bridge.heard import Heard, MembershipChanged, Message, Sync
from bridge.matrix.client import NioHomeserver
from facilitator.ids import MatrixRoomId, UserId

POLLS = 12
WAIT = timedelta(seconds=3)


class Ear:
    """Holds the cursor for a test. What was heard stays in `heard`, in order."""

    def __init__(self, client: NioHomeserver, cursor: str | None = None) -> None:
        self.client, self.cursor = client, cursor
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
        return sync

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
