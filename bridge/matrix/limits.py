"""Take the bot out of its homeserver's rate limits, where that is ours to do.

Synapse lets an account say one thing in five seconds. An administrator may exempt one account, which changes nothing
for anybody else; other homeservers have no such switch, and there Hearth keeps to the pace it is given.
"""

from enum import Enum
from urllib.parse import quote

from bridge.matrix.connection import Connection
from bridge.matrix.homeserver import Rejected, SignedOut, TheirFault
from facilitator.ids import UserId

NO_LIMIT = {"messages_per_second": 0, "burst_count": 0}


class Exemption(Enum):
    MADE = "made"
    THERE_ALREADY = "there already"
    NOT_OURS = "not ours"
    """Only an administrator of the homeserver may."""
    BAD_TOKEN = "bad token"  # noqa: S105 - no token
    UNKNOWN = "unknown"
    """This homeserver has no such switch, or keeps it from the outside."""


def address(user_id: UserId) -> str:
    return f"/_synapse/admin/v1/users/{quote(user_id, safe='@:')}/override_ratelimit"


async def exempt(connection: Connection, user_id: UserId) -> Exemption:
    """Ask for it with the connection's token. Raises TryLater."""
    try:
        if await connection.get(address(user_id)) == NO_LIMIT:
            return Exemption.THERE_ALREADY
        await connection.post(address(user_id), dict(NO_LIMIT), kind="admin")
    except SignedOut:
        return Exemption.BAD_TOKEN
    except Rejected as refused:
        return Exemption.NOT_OURS if refused.code == "M_FORBIDDEN" else Exemption.UNKNOWN
    except TheirFault:
        return Exemption.UNKNOWN
    return Exemption.MADE
