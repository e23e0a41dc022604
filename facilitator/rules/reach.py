"""Who can read what the bot says: from what happened to a room's key to how somebody stands. Pure, so that every
state a facilitator may meet can be tested in a line."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reach:
    """How far a room's key came with one person, in numbers of their devices; never which.

    `given`: have it. `refused`: were not given it, because their owner has not signed them. `unreached`: should have
    it, but had no key of their own to send it under. `answered`: their server has said which devices they have.
    """

    given: int = 0
    refused: int = 0
    unreached: int = 0
    answered: bool = True
