"""The table of who may do what, cell by cell."""

import pytest

from facilitator.rules.access import CO_FACILITATING, IN_THE_HOUSE, INSIDE_A_GROUP, Deed, Part, Role, may

COORDINATING = IN_THE_HOUSE[Role.COORDINATOR] - {Deed.OPEN_GROUP}
FACILITATING = {Deed.CLOSE_GROUP, Deed.DELETE_GROUP, Deed.CHANGE_FACILITATORS}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("deed", sorted(INSIDE_A_GROUP[Part.FACILITATOR]))
def test_inside_a_group_only_who_runs_it_may_act_whatever_their_role(role: Role, deed: Deed) -> None:
    assert may(deed, role=role, part=Part.FACILITATOR)
    assert may(deed, role=role, part=Part.CO_FACILITATOR) is (deed in CO_FACILITATING)
    assert not may(deed, role=role)


def test_a_co_facilitator_does_everything_but_end_a_group_or_say_who_runs_it() -> None:
    assert INSIDE_A_GROUP[Part.FACILITATOR] - INSIDE_A_GROUP[Part.CO_FACILITATOR] == FACILITATING


def test_both_may_open_a_group() -> None:
    assert all(may(Deed.OPEN_GROUP, role=role) for role in Role)


@pytest.mark.parametrize("deed", sorted(COORDINATING))
def test_accounts_are_for_coordinators_and_running_a_group_does_not_help(deed: Deed) -> None:
    assert may(deed, role=Role.COORDINATOR)
    assert not may(deed, role=Role.FACILITATOR, part=Part.FACILITATOR)


@pytest.mark.parametrize("deed", Deed)
def test_who_has_no_role_and_no_part_may_do_nothing(deed: Deed) -> None:
    assert not may(deed) and not may(deed, role="", part="") and not may(deed, role="member", part="member")


def test_every_deed_is_somebodys() -> None:
    assert all(any(may(deed, role=role, part=Part.FACILITATOR) for role in Role) for deed in Deed)
