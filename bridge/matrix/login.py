"""Sign the bot's account in: once, for good.

A crash loop that signs in each time is locked out within minutes by a stock homeserver, and every sign-in is a new
device that people would have to trust anew.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from bridge.matrix.connection import Connection, needed, path
from bridge.matrix.homeserver import Rejected, SignedOut, TryLater
from facilitator.clock import Clock
from facilitator.errors import N_, Misconfigured
from facilitator.ids import UserId


@dataclass(frozen=True, kw_only=True)
class BotAccount:
    """A Matrix account that is signed in on this device. Keep it sealed; start from it ever after."""

    homeserver: str
    user_id: UserId = field(repr=False)
    device_id: str = field(repr=False)
    access_token: str = field(repr=False)


async def login_once(
    homeserver: str, *, user_id: UserId, password: str, device_name: str = "Hearth", clock: Clock | None = None
) -> BotAccount:
    """Sign in as a new device. Raises Misconfigured when the password is wrong, TryLater when nobody answers."""
    connection = Connection(homeserver, clock=clock or Clock())
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user_id},
        "password": password,
        "initial_device_display_name": device_name,
    }
    try:
        answer = await connection.post(path("login"), body, kind="login")
    except Rejected as refused:
        raise Misconfigured(
            N_("The homeserver did not let Hearth's account sign in. Check its Matrix id and its password.")
        ) from refused
    finally:
        await connection.close()
    return BotAccount(
        homeserver=homeserver,
        user_id=UserId(needed(answer, "user_id", str)),
        device_id=needed(answer, "device_id", str),
        access_token=needed(answer, "access_token", str),
    )


async def take_name(account: BotAccount, name: str, *, clock: Clock | None = None) -> None:
    """Show this name in rooms. A homeserver that does not let us is no reason not to start."""
    connection = Connection(account.homeserver, account.access_token, clock=clock or Clock())
    try:
        with suppress(Rejected, TryLater):
            await connection.put(path("profile", account.user_id, "displayname"), {"displayname": name}, kind="profile")
    finally:
        await connection.close()


async def sign_out(account: BotAccount, *, clock: Clock | None = None) -> None:
    """Have the homeserver forget this device: one whose keys are lost would go on being sent keys nobody can open.
    When it does not answer, or has signed the device out already, that is all that can be done."""
    connection = Connection(account.homeserver, account.access_token, clock=clock or Clock())
    try:
        with suppress(Rejected, SignedOut, TryLater):
            await connection.post(path("logout"), {}, kind="logout")
    finally:
        await connection.close()
