"""Which servers can lead somebody into a room (Matrix v1.16 appendices, "Routing"). Pure.

A room's id names no server, from version 12 on not even by its looks, so a link to it has to. Three that are likely to
be in it for long: that of whoever has the most power there, and those with the most people.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from facilitator.ids import UserId
from facilitator.rules.server_acl import EVERYBODY, ServerAcl
from facilitator.rules.user_id import server_of

AT_MOST = 3
POWER_THAT_STAYS = 50
"""Whoever has less is not thought of as somebody who will be there for long."""


def servers(joined: Iterable[UserId], power: Mapping[UserId, float], acl: ServerAcl = EVERYBODY) -> tuple[str, ...]:
    """The best first. `power`: of whoever has more than nothing. Servers that are shut out, or have no name but an
    address in numbers, lead nobody anywhere."""
    inside = [user for user in joined if EVERYBODY.permits(server_of(user)) and acl.permits(server_of(user))]
    by_people = Counter(map(server_of, inside))
    order = sorted(by_people, key=lambda server: (-by_people[server], server))
    strong = [user for user in inside if power.get(user, 0) >= POWER_THAT_STAYS]
    if strong:
        strongest = server_of(min(strong, key=lambda user: (-power[user], -by_people[server_of(user)], user)))
        order.remove(strongest)
        order.insert(0, strongest)
    return tuple(order[:AT_MOST])
