"""Which servers lead into a room: the most powerful person's first, then where most people are."""

from facilitator.ids import UserId
from facilitator.rules import via
from facilitator.rules.server_acl import ServerAcl

INF = float("inf")


def people(*names: str) -> list[UserId]:
    return [UserId(name) for name in names]


BOT, ADA, BEN, CLEO, DAN, EVE = people("@hearth:home", "@ada:big", "@ben:big", "@cleo:lake", "@dan:lake", "@eve:lake")


def test_the_most_powerful_persons_server_comes_first_and_then_the_most_populated() -> None:
    assert via.servers([BOT, ADA, BEN, CLEO, DAN, EVE], {BOT: INF, ADA: 50}) == ("home", "lake", "big")
    assert via.servers([ADA, BEN, CLEO, DAN, EVE], {ADA: 50}) == ("big", "lake")


def test_power_that_is_not_much_counts_for_nothing_and_who_left_neither() -> None:
    assert via.servers([ADA, CLEO, DAN], {ADA: 49, BOT: INF}) == ("lake", "big")


def test_there_are_three_at_most_and_always_the_same_ones() -> None:
    crowd = people(*(f"@x:{name}" for name in "edcba"))
    assert via.servers(crowd, {}) == via.servers(list(reversed(crowd)), {}) == ("a", "b", "c")


def test_addresses_and_servers_that_are_shut_out_lead_nobody_anywhere() -> None:
    crowd = people("@a:10.0.0.1:8448", "@b:[::1]", "@c:evil.org", "@d:good.org")
    assert via.servers(crowd, {crowd[0]: 100}, ServerAcl(deny=("evil.org",))) == ("good.org",)
    assert via.servers(crowd[:1], {}, ServerAcl(ip_literals=True)) == ()
    assert via.servers([], {}) == ()
