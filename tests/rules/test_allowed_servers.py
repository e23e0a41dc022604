"""From which servers people are invited: what the host wrote, our own always, and never an address in numbers."""

import pytest

from facilitator.errors import Invalid
from facilitator.ids import UserId
from facilitator.rules import allowed_servers
from facilitator.rules.allowed_servers import Allowed, acl, check, server_name
from facilitator.rules.server_acl import without_port

BOT = UserId("@hearth:riverside.org")


@pytest.mark.parametrize(
    ("allowed", "server", "permitted"),
    [
        (None, "anywhere.example", True),
        (("lakeside.org",), "lakeside.org", True),
        (("lakeside.org",), "LakeSide.org:8448", True),
        (("lakeside.org:8448",), "lakeside.org:8448", True),
        (("lakeside.org",), "riverside.org", True),
        (("lakeside.org",), "deep.lakeside.org", False),
        (("lakeside.org",), "lakeside.org.evil.example", False),
        (("lakeside.org",), "anywhere.example", False),
        (("*.lakeside.org",), "deep.lakeside.org", True),
        (("*.lakeside.org",), "lakeside.org", False),
        (None, "127.0.0.1:8448", False),
        (None, "[2001:db8::1]", False),
        (("lakeside.org",), "127.0.0.1", False),
    ],
)
def test_who_may_be_invited_and_who_may_take_part_is_one_rule(allowed: Allowed, server: str, permitted: bool) -> None:
    assert acl(allowed, [BOT]).permits(without_port(server)) is permitted
    try:
        check(UserId(f"@dan:{server}"), allowed, ours=[BOT])
    except Invalid:
        assert not permitted
    else:
        assert permitted


def test_the_refusal_names_the_servers_that_are_allowed() -> None:
    with pytest.raises(Invalid) as refused:
        check(UserId("@dan:anywhere.example"), ("lakeside.org", "*.example.net"), ours=[BOT])
    assert refused.value.field == "matrix_id"
    assert refused.value.sentence == allowed_servers.NOT_THEIRS
    assert refused.value.facts == {"servers": "riverside.org, lakeside.org, *.example.net"}


def test_an_address_in_numbers_is_told_apart_from_a_server_that_is_not_allowed() -> None:
    for allowed in (None, ("lakeside.org",)):
        with pytest.raises(Invalid) as refused:
            check(UserId("@dan:192.0.2.7"), allowed, ours=[BOT])
        assert refused.value.sentence == allowed_servers.NO_NAME


def test_our_own_server_is_never_shut_out_even_when_it_is_an_address() -> None:
    at_home = UserId("@hearth:127.0.0.1:8448")
    assert acl(("lakeside.org",), [at_home]).permits("127.0.0.1:8448")
    check(UserId("@ben:127.0.0.1:8448"), ("lakeside.org",), ours=[at_home])


@pytest.mark.parametrize("written", ["Lakeside.org", "*.lakeside.org", "lakeside.org:8448", "localhost"])
def test_a_servers_name_is_taken(written: str) -> None:
    assert server_name(written) == written.lower()


@pytest.mark.parametrize(
    "written", ["", "*", "https://lakeside.org", "@ben:lakeside.org", "lake side", "127.0.0.1", "[::1]"]
)
def test_what_names_no_server_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"server|address"):
        server_name(written)
