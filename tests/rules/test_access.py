"""The table of who may do what, cell by cell."""

import pytest

from facilitator.rules.access import INSIDE_A_GROUP, Deed, Role, may


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("deed", sorted(INSIDE_A_GROUP))
def test_inside_a_group_only_who_runs_it_may_act_whatever_their_role(role: Role, deed: Deed) -> None:
    assert may(role, deed, runs_it=True)
    assert not may(role, deed)


def test_both_may_open_a_group() -> None:
    assert all(may(role, Deed.OPEN_GROUP) for role in Role)


@pytest.mark.parametrize("deed", [Deed.ADD_ACCOUNT, Deed.ISSUE_LINK])
def test_accounts_are_for_coordinators_and_running_a_group_does_not_help(deed: Deed) -> None:
    assert may(Role.COORDINATOR, deed)
    assert not may(Role.FACILITATOR, deed, runs_it=True)


def test_every_deed_is_somebodys() -> None:
    assert all(any(may(role, deed, runs_it=True) for role in Role) for deed in Deed)
