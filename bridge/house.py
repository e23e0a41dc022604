"""What every loop is handed: the account, the doors to database and homeserver, and the words' facts."""

from dataclasses import dataclass, field
from datetime import timedelta

from bridge.matrix.homeserver import Homeserver
from bridge.wording import Words
from facilitator.clock import Clock
from facilitator.database import Database
from facilitator.ids import BotId, UserId
from facilitator.rules.allowed_servers import Allowed


@dataclass(frozen=True)
class Held:
    """That this process holds the bot account: named in every claim."""

    bot: BotId
    holder: str
    epoch: int


@dataclass(frozen=True)
class House:
    """One bot account's surroundings. Made once, by `service`."""

    held: Held
    database: Database
    homeserver: Homeserver
    clock: Clock
    words: Words
    reminder_offsets: tuple[timedelta, ...] = (timedelta(hours=24), timedelta(minutes=20))
    recovery: UserId | None = field(default=None, repr=False)
    allowed_servers: Allowed = None

    @property
    def bot(self) -> BotId:
        return self.held.bot


class LeaseLost(Exception):
    """Another process holds the bot account now; this one must stop at once."""


def one_line(error: BaseException) -> str:
    """An error for the log: its kind, never its text, which could hold a name."""
    return type(error).__name__
