"""Which servers lead into a room as it was found. Here because what a room shows of its power is anybody's to write."""

from math import inf

from bridge.matrix.homeserver import FoundRoom
from facilitator.ids import UserId
from facilitator.rules import via
from facilitator.rules.server_acl import ServerAcl


def of(found: FoundRoom, acl: ServerAcl) -> tuple[str, ...]:
    """`acl`: as it should be; a server that it shuts out is about to be."""
    joined = [user for user, membership in found.members.items() if membership == "join"]
    users = found.power_levels.get("users")
    written = users.items() if isinstance(users, dict) else ()
    power = {UserId(user): float(level) for user, level in written if type(level) is int and abs(level) < 2**53}
    return via.servers(joined, power | dict.fromkeys(found.creators, inf), acl)
