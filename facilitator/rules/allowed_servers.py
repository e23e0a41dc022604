"""From which homeservers an organisation invites people: those its host wrote down, or every one. Pure.

The same list is the rule for invitations, checked before anything is asked of Matrix, and each room's own list, which
homeservers keep to when somebody invites from an app.
"""

from collections.abc import Iterable

from facilitator.errors import N_, Invalid
from facilitator.ids import UserId
from facilitator.rules.server_acl import EVERYBODY, ServerAcl, only, without_port
from facilitator.rules.user_id import SERVER, server_of

Allowed = tuple[str, ...] | None
"""Server names as the settings have them; None: no list, and every server will do."""

NOT_THEIRS = N_("Your organisation invites people on these servers only: %(servers)s. This Matrix ID is on another.")
NO_NAME = N_("That server has an address in numbers and no name. People on it cannot be invited.")
WIDEST = "*."


def server_name(written: str) -> str:
    """One entry of the list: a server's name, or `*.` and a name for all below it. Raises ValueError."""
    name = written.lower()
    if not SERVER.match(name.removeprefix(WIDEST)):
        raise ValueError("a server is named like example.org, or *.example.org for all below it, and nothing before it")
    if not EVERYBODY.permits(name):
        raise ValueError("an address in numbers cannot be allowed, only servers with a name")
    return name


def acl(allowed: Allowed, keeping: Iterable[UserId] = ()) -> ServerAcl:
    """As a room has it. `keeping`: whose servers are never shut out, whatever the list says."""
    return (EVERYBODY if allowed is None else only(allowed)).keeping(map(server_of, keeping))


def may_come(person: UserId, allowed: Allowed, *, ours: Iterable[UserId]) -> bool:
    """Whether their server may take part. `ours`: the bot's accounts, whose servers always may."""
    return acl(allowed, ours).permits(without_port(server_of(person)))


def check(person: UserId, allowed: Allowed, *, ours: Iterable[UserId]) -> None:
    """Whether somebody may be invited. `ours`: the bot's accounts, whose servers are always allowed.

    Raises Invalid with a sentence that names the servers.
    """
    accounts = tuple(ours)
    if may_come(person, allowed, ours=accounts):
        return
    if allowed is None or not may_come(person, None, ours=accounts):
        raise Invalid("matrix_id", NO_NAME)
    raise Invalid("matrix_id", NOT_THEIRS, servers=", ".join(named(allowed, accounts)))


def named(allowed: Iterable[str], ours: Iterable[UserId]) -> list[str]:
    """The list as people read it: our own server first."""
    return list(dict.fromkeys((*sorted(map(server_of, ours)), *allowed)))
