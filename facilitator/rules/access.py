"""Who may do what to which group. One table, so that the whole of it can be read at a glance and tested cell by cell.

A role lets a person do something at all; what happens inside a group is for those who run it, coordinators included:
looking after the house does not open every door in it.
"""

from enum import StrEnum


class Role(StrEnum):
    COORDINATOR = "coordinator"
    FACILITATOR = "facilitator"


class Deed(StrEnum):
    """What a person of the panel may want to do. (An *act* is something else: one entry of the outbox.)"""

    OPEN_GROUP = "open a group"
    SEE_GROUP = "see a group"
    INVITE_MEMBER = "invite a member"
    SCHEDULE = "schedule sessions"
    END_SERIES = "end a series"
    ADD_ACCOUNT = "add a coordinator or facilitator"
    ISSUE_LINK = "make a sign-in link for an account"


WITHOUT_A_GROUP = {
    Role.COORDINATOR: frozenset({Deed.OPEN_GROUP, Deed.ADD_ACCOUNT, Deed.ISSUE_LINK}),
    Role.FACILITATOR: frozenset({Deed.OPEN_GROUP}),
}
INSIDE_A_GROUP = frozenset({Deed.SEE_GROUP, Deed.INVITE_MEMBER, Deed.SCHEDULE, Deed.END_SERIES})


def may(role: Role, deed: Deed, *, runs_it: bool = False) -> bool:
    """Whether somebody in this role may do this. `runs_it`: they are a facilitator of the group it concerns."""
    return (deed in INSIDE_A_GROUP and runs_it) or deed in WITHOUT_A_GROUP[role]
