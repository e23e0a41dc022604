"""Sign the bot's account in: once, for good. By password, by a token somebody made, or as an application service.

A crash loop that signs in each time is locked out within minutes by a stock homeserver, and every sign-in is a new
device that people would have to trust anew.
"""

import secrets
import string
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bridge.matrix.connection import Connection, NeedsConfirmation, needed, path
from bridge.matrix.homeserver import Rejected, SignedOut, TryLater
from facilitator.clock import Clock
from facilitator.errors import N_, Misconfigured
from facilitator.ids import UserId

SESSION, APPLICATION_SERVICE = "session", "application_service"
"""How an account is signed in (`bot_accounts.login`): by a token of its own, or by its application service's."""
DEVICE_NAME_LENGTH = 10

WRONG_PASSWORD = N_("The homeserver did not let Hearth's account sign in. Check its Matrix id and its password.")
DEACTIVATED = N_("Hearth's account was deactivated or locked on its homeserver. Give Hearth a fresh account.")
NO_PASSWORDS = N_(
    "This homeserver does not let anybody sign in with a password. Give Hearth an access token with its device id, or "
    "the token of an application service."
)
WRONG_TOKEN = N_("The homeserver does not accept this access token. Sign the account in anew and bring the new token.")
NO_DEVICE = N_(
    "This access token belongs to no device, so nothing can be encrypted with it. Sign in as the account itself to get "
    "one that does: a token made by an administrator has none."
)
GUEST = N_("This is a guest's access token. Give Hearth an account of its own.")
OTHER_ACCOUNT = N_("This access token belongs to another account than the one that was named. Check which is right.")
OTHER_DEVICE = N_("This access token belongs to another device than the one that was named. Check its device id.")
WRONG_SERVICE_TOKEN = N_(
    "The homeserver does not accept this token of an application service. Check that its registration is in the "
    "homeserver's settings, and that the homeserver was started again since."
)
NOT_ITS_ACCOUNT = N_(
    "This application service may not act for that account: its Matrix id must be in the registration, as "
    "sender_localpart or under namespaces, and the account must exist."
)
NO_DEVICES = N_(
    "The homeserver does not let this application service make a device. It takes MSC4190: with Synapse, put "
    "`io.element.msc4190: true` in the registration and start Synapse again."
)


@dataclass(frozen=True, kw_only=True)
class BotAccount:
    """A Matrix account that is signed in on this device. Keep it sealed; start from it ever after."""

    homeserver: str
    user_id: UserId = field(repr=False)
    device_id: str = field(repr=False)
    access_token: str = field(repr=False)
    login: str = SESSION

    def connection(self, clock: Clock) -> Connection:
        """A connection that speaks for it."""
        service = self.login == APPLICATION_SERVICE
        acting_as = {"user_id": self.user_id, "device_id": self.device_id} if service else {}
        return Connection(self.homeserver, self.access_token, clock=clock, acting_as=acting_as)


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
    except SignedOut as refused:
        raise Misconfigured(DEACTIVATED) from refused
    except Rejected as refused:
        raise Misconfigured(WRONG_PASSWORD if refused.code == "M_FORBIDDEN" else NO_PASSWORDS) from refused
    finally:
        await connection.close()
    return BotAccount(
        homeserver=homeserver,
        user_id=UserId(needed(answer, "user_id", str)),
        device_id=needed(answer, "device_id", str),
        access_token=needed(answer, "access_token", str),
    )


async def with_token(
    homeserver: str, *, token: str, user_id: UserId | None, device_id: str | None, clock: Clock
) -> BotAccount:
    """The account and device a token belongs to, checked against what was said of it.

    Raises Misconfigured, TryLater.
    """
    connection = Connection(homeserver, token, clock=clock)
    try:
        shown = await connection.get(path("account", "whoami"))
    except (SignedOut, Rejected) as refused:
        dead = isinstance(refused, SignedOut) and str(refused) in ("M_USER_DEACTIVATED", "M_USER_LOCKED")
        raise Misconfigured(DEACTIVATED if dead else WRONG_TOKEN) from refused
    finally:
        await connection.close()
    whose, device = UserId(needed(shown, "user_id", str)), shown.get("device_id")
    if shown.get("is_guest"):
        raise Misconfigured(GUEST)
    if user_id is not None and whose != user_id:
        raise Misconfigured(OTHER_ACCOUNT)
    if not isinstance(device, str):
        raise Misconfigured(NO_DEVICE)
    if device_id is not None and device != device_id:
        raise Misconfigured(OTHER_DEVICE)
    return BotAccount(homeserver=homeserver, user_id=whose, device_id=device, access_token=token)


async def as_application_service(
    homeserver: str, *, token: str, user_id: UserId, device_name: str = "Hearth", clock: Clock
) -> BotAccount:
    """A new device of an account that belongs to an application service (MSC4190). Raises Misconfigured, TryLater."""
    connection = Connection(homeserver, token, clock=clock, acting_as={"user_id": user_id})
    device = "".join(secrets.choice(string.ascii_uppercase) for _ in range(DEVICE_NAME_LENGTH))
    try:
        await _own(connection, user_id)
        await connection.put(path("devices", device), {"display_name": device_name}, kind="device")
    except SignedOut as refused:
        raise Misconfigured(WRONG_SERVICE_TOKEN) from refused
    except Rejected as refused:
        raise Misconfigured(NO_DEVICES) from refused
    finally:
        await connection.close()
    return BotAccount(
        homeserver=homeserver, user_id=user_id, device_id=device, access_token=token, login=APPLICATION_SERVICE
    )


async def _own(connection: Connection, user_id: UserId) -> None:
    """See that the account is the service's, and make it if it is not there yet."""
    with suppress(Rejected):
        await connection.get(path("account", "whoami"))
        return
    name = user_id[1:].partition(":")[0]
    body = {"type": "m.login.application_service", "username": name, "inhibit_login": True}
    try:
        await connection.post(path("register"), body, kind="register")
        await connection.get(path("account", "whoami"))
    except Rejected as refused:
        raise Misconfigured(NOT_ITS_ACCOUNT) from refused


async def take_name(account: BotAccount, name: str, *, clock: Clock | None = None) -> None:
    """Show this name in rooms. A homeserver that does not let us is no reason not to start."""
    connection = account.connection(clock or Clock())
    try:
        with suppress(Rejected, TryLater):
            await connection.put(path("profile", account.user_id, "displayname"), {"displayname": name}, kind="profile")
    finally:
        await connection.close()


async def sign_out(account: BotAccount, *, clock: Clock | None = None) -> None:
    """Have the homeserver forget this device: one whose keys are lost would go on being sent keys nobody can open.
    When it does not answer, or has signed the device out already, that is all that can be done."""
    connection = account.connection(clock or Clock())
    try:
        with suppress(Rejected, SignedOut, TryLater):
            if account.login == APPLICATION_SERVICE:
                await connection.delete(path("devices", account.device_id), {}, kind="device")
            else:
                await connection.post(path("logout"), {}, kind="logout")
    finally:
        await connection.close()


async def delete_devices(
    account: BotAccount, devices: Iterable[str], *, password: str | None, clock: Clock
) -> frozenset[str]:
    """Delete other devices of this account; returns those that are left, because the homeserver wants a password we
    do not have. Raises TryLater, SignedOut."""
    connection = account.connection(clock)
    left = set()
    try:
        for device in devices:
            try:
                await _delete(connection, account, device, password)
            except Rejected as refused:
                if refused.code != "M_NOT_FOUND":
                    left.add(device)
    finally:
        await connection.close()
    return frozenset(left)


async def _delete(connection: Connection, account: BotAccount, device: str, password: str | None) -> None:
    try:
        await connection.delete(path("devices", device), {}, kind="device")
    except NeedsConfirmation as asked:
        if password is None:
            raise
        auth = confirmation(account.user_id, password, asked.session)
        await connection.delete(path("devices", device), {"auth": auth}, kind="device")


def confirmation(user_id: str, password: str, session: object) -> dict[str, Any]:
    """What a homeserver that asks to confirm is answered (spec, "User-interactive authentication API")."""
    identifier = {"type": "m.id.user", "user": user_id}
    return {"type": "m.login.password", "identifier": identifier, "password": password, "session": session}
