"""The three ways an account signs in, as one value: by password, by a token somebody made, as an application service.

Set-up and renewal take any of them from a person; the running bridge takes what it was given once.
"""

from dataclasses import dataclass, field

from bridge.matrix import login
from bridge.matrix.login import APPLICATION_SERVICE, BotAccount
from facilitator.clock import Clock
from facilitator.errors import Misconfigured
from facilitator.ids import UserId

NONE_GIVEN = (
    "Hearth needs one way to sign its account in: --password-file, --token-file with --device-id, or --as-token-file."
)


@dataclass(frozen=True, kw_only=True)
class WayIn:
    """Exactly one of password, token and service token. `device_id`: the token's, where it is known."""

    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    device_id: str | None = field(default=None, repr=False)
    service_token: str | None = field(default=None, repr=False)

    @property
    def is_given(self) -> bool:
        return any((self.password, self.token, self.service_token))


async def sign_in(
    homeserver: str, user_id: UserId, way: WayIn, *, device_name: str = "Hearth", clock: Clock
) -> BotAccount:
    """A device of this account, new unless the token's own. Raises Misconfigured, TryLater."""
    if way.service_token is not None:
        return await login.as_application_service(
            homeserver, token=way.service_token, user_id=user_id, device_name=device_name, clock=clock
        )
    if way.token is not None:
        return await login.with_token(
            homeserver, token=way.token, user_id=user_id, device_id=way.device_id, clock=clock
        )
    if way.password is not None:
        return await login.login_once(
            homeserver, user_id=user_id, password=way.password, device_name=device_name, clock=clock
        )
    raise Misconfigured(NONE_GIVEN)


def as_before(account_login: str, token: str | None, password: str | None) -> WayIn:
    """The way this account signed in until now, as far as it can be gone again by itself."""
    if account_login == APPLICATION_SERVICE and token is not None:
        return WayIn(service_token=token)
    return WayIn(password=password)
