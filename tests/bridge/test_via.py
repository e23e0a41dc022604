"""The servers that lead into a room, out of what the room shows of itself."""

from dataclasses import replace
from typing import Any

import pytest

from bridge import via
from bridge.matrix.homeserver import FoundRoom
from facilitator.ids import MatrixRoomId, UserId
from facilitator.rules.server_acl import EVERYBODY, only

BOT, ADA, CLEO = UserId("@hearth:home.org"), UserId("@ada:big.org"), UserId("@cleo:lake.org")
ROOM = FoundRoom(
    room=MatrixRoomId("!room"), version="12", creators=frozenset({BOT}), made_by=BOT, marker=None, name=None,
    topic=None, join_rule="invite", history_visibility="joined", guest_access=None, encryption=None,
    power_levels={"users": {ADA: 50}},
    members={BOT: "join", ADA: "join", UserId("@ben:big.org"): "join", CLEO: "join", UserId("@dan:lake.org"): "leave"},
)  # fmt: skip


def test_the_creators_server_leads_then_those_with_people_in_it() -> None:
    assert via.of(ROOM, EVERYBODY) == ("home.org", "big.org", "lake.org")


def test_without_a_creator_it_is_the_facilitators() -> None:
    assert via.of(replace(ROOM, creators=frozenset(), version="11"), EVERYBODY) == ("big.org", "home.org", "lake.org")


def test_a_server_that_is_shut_out_leads_nobody() -> None:
    assert via.of(ROOM, only(["home.org", "lake.org"])) == ("home.org", "lake.org")


@pytest.mark.parametrize("users", [None, 7, [], {ADA: "many"}, {ADA: True}, {ADA: 10**400}])
def test_power_that_is_none_is_passed_over(users: Any) -> None:
    found = replace(ROOM, power_levels={"users": users})
    assert via.of(found, EVERYBODY) == ("home.org", "big.org", "lake.org")
