"""How often one network may try what it does not know. In memory only: no address is ever written down.

A sign-in link has 256 random bits, so this guards the database from being asked, not the link from being guessed.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from facilitator.errors import N_, Refused

AT_MOST = 20
WITHIN = timedelta(hours=1)
NETWORKS_REMEMBERED = 10_000

Network = IPv4Network | IPv6Network


class TooOften(Refused):
    """Too many failed tries from one network."""


class Tries:
    """Failed tries of the last hour by network (an IPv4 address, an IPv6 /64)."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[datetime]] = OrderedDict()

    def check(self, address: str, now: datetime) -> None:
        """Raises TooOften when this network has used up its tries."""
        if len(self._recent(network(address), now)) >= AT_MOST:
            raise TooOften(N_("There were too many tries from your network. Please wait an hour, then try again."))

    def failed(self, address: str, now: datetime) -> None:
        where = network(address)
        self._failed[where] = [*self._recent(where, now), now]
        self._failed.move_to_end(where)
        while len(self._failed) > NETWORKS_REMEMBERED:
            self._failed.popitem(last=False)

    def _recent(self, where: str, now: datetime) -> list[datetime]:
        return [at for at in self._failed.get(where, []) if at > now - WITHIN]


def network(address: str) -> str:
    try:
        where = ip_address(address)
    except ValueError:
        return "unknown"
    return str(where) if where.version == 4 else str(ip_network(f"{address}/64", strict=False))


def client_address(peer: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """The address a request came from: the last one in X-Forwarded-For that is no trusted proxy of ours.

    What a client writes into that header stands further left and is never reached (OWASP ASVS 5.0.0 4.1.3).
    """
    here = peer
    for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not is_trusted(here, trusted):
            break
        here = hop
    return here


def is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        where = ip_address(address)
    except ValueError:
        return False
    return any(where in net for net in trusted)
