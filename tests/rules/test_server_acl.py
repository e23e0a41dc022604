"""Which servers may take part: what is put into a room never shuts out who keeps it."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from facilitator.rules.server_acl import ServerAcl, only

HOMES = some.sampled_from(
    ("home.example", "HOME.example:8448", "localhost:8008", "10.0.0.1", "10.0.0.1:80", "[::1]:80")
)
PATTERNS = some.lists(
    some.sampled_from(("*", "*.example", "?ome.example", "home.example", "10.*", "[*", "x")), max_size=4
)


def test_everybody_may_take_part_unless_it_is_said_otherwise() -> None:
    assert ServerAcl().content() == {"allow": ["*"], "deny": [], "allow_ip_literals": False}
    assert ServerAcl().permits("example.org")
    assert ServerAcl().permits("example.org:8448")


def test_a_server_without_a_name_is_not_let_in() -> None:
    for address in ("10.0.0.1", "10.0.0.1:8448", "[::1]", "[::1]:8448"):
        assert not ServerAcl().permits(address)
        assert ServerAcl(ip_literals=True).permits(address)


@pytest.mark.parametrize(
    ("allow", "deny", "server", "may"),
    [
        (("*.example",), (), "one.example", True),
        (("*.example",), (), "example", False),
        (("ONE.example",), (), "one.EXAMPLE", True),
        (("one?example",), (), "one.example", True),
        (("one.example",), (), "onexexample", False),
        (("*",), ("*.example",), "one.example", False),
        (("*",), ("one.example",), "one.example:8448", False),
        ((), (), "one.example", False),
        (("[a-z]*",), (), "one.example", False),
    ],
)
def test_a_list_means_what_the_specification_says(
    allow: tuple[str, ...], deny: tuple[str, ...], server: str, may: bool
) -> None:
    assert ServerAcl(allow, deny).permits(server) is may


def test_an_allow_list_lets_in_its_own_under_any_port_and_nobody_else() -> None:
    acl = only({"one.example", "localhost:8008"})
    assert acl.permits("one.example")
    assert acl.permits("localhost:8008")
    assert not acl.permits("two.example")
    assert not acl.ip_literals
    assert only({"10.0.0.1"}).permits("10.0.0.1")


def test_what_permits_the_home_already_stays_as_it_is() -> None:
    acl = ServerAcl(("*",), ("bad.example",))
    assert acl.keeping(["home.example"]) == acl


@given(PATTERNS, PATTERNS, some.booleans(), some.sets(HOMES, min_size=1))
def test_no_list_shuts_out_a_home(allow: list[str], deny: list[str], addresses: bool, homes: set[str]) -> None:
    acl = ServerAcl(tuple(allow), tuple(deny), addresses).keeping(homes)
    assert all(acl.permits(home) for home in homes)
