"""Counting failed tries by network, in memory, and whose address is believed."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from web.limits import AT_MOST, NETWORKS_REMEMBERED, TooOften, Tries, client_address

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def test_twenty_an_hour_and_no_more() -> None:
    tries = Tries()
    for _ in range(AT_MOST):
        tries.check("192.0.2.1", NOW)
        tries.failed("192.0.2.1", NOW)
    with pytest.raises(TooOften):
        tries.check("192.0.2.1", NOW)
    tries.check("192.0.2.2", NOW)
    tries.check("192.0.2.1", NOW + timedelta(hours=1))


def test_an_ipv6_network_counts_as_one() -> None:
    tries = Tries()
    for each in range(AT_MOST):
        tries.failed(f"2001:db8::{each:x}", NOW)
    with pytest.raises(TooOften):
        tries.check("2001:db8::ffff", NOW)
    tries.check("2001:db8:0:1::1", NOW)


def test_memory_is_bounded() -> None:
    tries = Tries()
    for each in range(NETWORKS_REMEMBERED + 50):
        tries.failed(f"10.{each >> 16}.{each >> 8 & 255}.{each & 255}", NOW)
    assert len(tries._failed) == NETWORKS_REMEMBERED


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 10.0.0.3", "203.0.113.9"),
        ("127.0.0.1", "nonsense", "nonsense"),
        ("", "203.0.113.9", ""),
    ],
)
def test_only_our_own_proxies_are_believed(peer: str, forwarded: str, seen: str) -> None:
    trusted = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"))
    assert client_address(peer, forwarded, trusted) == seen
