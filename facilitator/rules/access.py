"""Who may do what to which group. One table, so that the whole of it can be read at a glance and tested cell by cell.

A role lets a person do something in the house; what happens inside a group is for those who run it, by the part they
have in it, coordinators included: looking after the house does not open every door in it.
"""

from enum import StrEnum


class Role(StrEnum):
    """What an account is in the house."""

    COORDINATOR = "coordinator"
    FACILITATOR = "facilitator"


class Part(StrEnum):
    """What an account is in a group it runs."""

    FACILITATOR = "facilitator"
    CO_FACILITATOR = "co-facilitator"


class Deed(StrEnum):
    """What a person of the panel may want to do. (An *act* is something else: one entry of the outbox.)"""

    OPEN_GROUP = "open a group"
    ADD_ACCOUNT = "add a coordinator or facilitator"
    CHANGE_ACCOUNT = "change an account's role, disable or enable it"
    ISSUE_LINK = "make a sign-in link for an account"
    FREE_MATRIX_ID = "unlink the Matrix ID of somebody who lost it"
    SEE_ACCOUNTS = "see who has an account"
    WAIVE = "let a group open that is not ready"
    GIVE_AWAY = "give a group that nobody runs to somebody"

    SEE_GROUP = "see a group"
    EDIT_GROUP = "change a group's name, purpose, language or zone"
    MAKE_READY = "open a draft"
    PAUSE_GROUP = "pause a group and go on with it"
    RENEW_ROOM = "agree to a new room"
    INVITE_MEMBER = "invite a member"
    REMOVE_MEMBER = "remove a member, and undo it"
    SCHEDULE = "schedule sessions"
    END_SERIES = "end a series"
    STOP_RUNNING = "stop running a group"
    CLOSE_GROUP = "close a group, and undo it"
    DELETE_GROUP = "delete a group, and undo it"
    CHANGE_FACILITATORS = "change who runs a group"


IN_THE_HOUSE = {
    Role.COORDINATOR: frozenset(
        {
            Deed.OPEN_GROUP, Deed.ADD_ACCOUNT, Deed.CHANGE_ACCOUNT, Deed.ISSUE_LINK, Deed.FREE_MATRIX_ID,
            Deed.SEE_ACCOUNTS, Deed.WAIVE, Deed.GIVE_AWAY,
        }
    ),
    Role.FACILITATOR: frozenset({Deed.OPEN_GROUP}),
}  # fmt: skip
CO_FACILITATING = frozenset(
    {
        Deed.SEE_GROUP, Deed.EDIT_GROUP, Deed.MAKE_READY, Deed.PAUSE_GROUP, Deed.RENEW_ROOM, Deed.INVITE_MEMBER,
        Deed.REMOVE_MEMBER, Deed.SCHEDULE, Deed.END_SERIES, Deed.STOP_RUNNING,
    }
)  # fmt: skip
INSIDE_A_GROUP = {
    Part.FACILITATOR: CO_FACILITATING | {Deed.CLOSE_GROUP, Deed.DELETE_GROUP, Deed.CHANGE_FACILITATORS},
    Part.CO_FACILITATOR: CO_FACILITATING,
}


def may(deed: Deed, *, role: str | None = None, part: str | None = None) -> bool:
    """Whether somebody may do this. `role`: theirs in the house; `part`: theirs in the group it concerns, if any."""
    in_the_house = IN_THE_HOUSE[Role(role)] if role in list(Role) else frozenset()
    inside = INSIDE_A_GROUP[Part(part)] if part in list(Part) else frozenset()
    return deed in in_the_house or deed in inside
