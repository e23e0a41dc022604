"""The recovery account: a second keeper of every group's room, so that a lost bot orphans none.

It is written into each room for good, so a mistake in its name is refused before the first room is made.
"""

from contextlib import suppress

from bridge.matrix.homeserver import Homeserver, Rejected, TryLater
from facilitator.errors import Invalid, Misconfigured
from facilitator.ids import UserId
from facilitator.rules import user_id

MALFORMED = "recovery_account in [bridge] is not a Matrix ID: {why}"
OURSELVES = "recovery_account in [bridge] is the bot itself. Name another account, or leave the setting out."
UNKNOWN = (
    "There is no account of the name that recovery_account in [bridge] gives. Please check its spelling, or make the "
    "account first; it would be written into every room for good."
)


async def account(named: str | None, homeserver: Homeserver) -> UserId | None:
    """The account the settings name. Raises Misconfigured with a sentence when it cannot be the one."""
    if named is None:
        return None
    try:
        person = user_id.parse(named)
    except Invalid as refusal:
        raise Misconfigured(MALFORMED.format(why=refusal.sentence)) from None
    if person == homeserver.user_id:
        raise Misconfigured(OURSELVES)
    with suppress(TryLater, Rejected):  # a server that does not answer just now is no reason not to start
        if not await homeserver.has_account(person):
            raise Misconfigured(UNKNOWN)
    return person
