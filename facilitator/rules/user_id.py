"""Matrix user ids as people type them. Grammar: Matrix v1.16 appendices, "User identifiers" and "Server name"."""

import re

from facilitator.errors import N_, Invalid
from facilitator.ids import UserId

SERVER = re.compile(r"^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?)(?::[0-9]{1,5})?\Z")
LOCALPART = re.compile(r"^[\x21-\x39\x3b-\x7e]+\Z")
ADDRESS = "matrix:u/"
LONGEST = 255


def parse(typed: str, *, field: str = "matrix_id") -> UserId:
    """The id somebody typed or pasted: spaces around it, a matrix.to link and a matrix: address are forgiven.

    Raises Invalid with a sentence for the field.
    """
    text = typed.strip().removeprefix("https://matrix.to/#/").strip()
    if text.startswith(ADDRESS):  # which leaves out the @ (Matrix v1.16 appendices, "Matrix URI scheme")
        text = f"@{text.removeprefix(ADDRESS)}"
    if not text:
        raise Invalid(field, N_("Type the person's Matrix ID. It looks like @name:example.org."))
    if not text.startswith("@"):
        raise Invalid(field, N_("A Matrix ID starts with @, as in @name:example.org."))
    localpart, colon, server = text[1:].partition(":")
    if not colon or not server:
        raise Invalid(field, N_("The part after the colon is missing: it names the server, as in @name:example.org."))
    if not LOCALPART.match(localpart):
        raise Invalid(field, N_("The name before the colon has a space or a letter Matrix does not use."))
    if not SERVER.match(server):
        raise Invalid(field, N_("The part after the colon is not a server's name. It looks like example.org."))
    if len(text.encode()) > LONGEST:
        raise Invalid(field, N_("That is longer than a Matrix ID can be (255 characters)."))
    return UserId(f"@{localpart}:{server.lower()}")


def server_of(user_id: UserId) -> str:
    return user_id.partition(":")[2]
