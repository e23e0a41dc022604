"""Make accounts on a homeserver that shares its registration secret with us, and sign in to them.

The demo and the live tests need people; a local homeserver has nobody until somebody is registered.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from facilitator.errors import Misconfigured
from facilitator.ids import UserId


@dataclass(frozen=True)
class SignedIn:
    user_id: UserId = field(repr=False)
    device_id: str = field(repr=False)
    access_token: str = field(repr=False)


async def register(
    url: str, registration_secret: str, *, name: str, password: str, admin: bool = False, display_name: str = ""
) -> UserId:
    """Register through Synapse's shared-secret API. An account that is there already is left as it is.

    Raises Misconfigured when the homeserver does not accept the secret.
    """
    path = f"{url}/_synapse/admin/v1/register"
    async with _http() as http:
        nonce = (await _asked(http, "GET", path))["nonce"]
        parts = (nonce, name, password, "admin" if admin else "notadmin")
        mac = hmac.new(registration_secret.encode(), "\0".join(parts).encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": admin, "mac": mac}
        said = {"displayname": display_name or name, "inhibit_login": True}  # else it comes with a device nobody uses
        answer = await _asked(http, "POST", path, body | said)
        if answer.get("errcode") == "M_USER_IN_USE":
            return await _whose(http, url, name=name, password=password)
        if "user_id" not in answer:
            raise Misconfigured("The homeserver did not accept our registration secret.")
        return UserId(answer["user_id"])


async def sign_in(url: str, *, name: str, password: str, device_name: str = "Hearth") -> SignedIn:
    """Password login: a new device each time. Raises Misconfigured when name and password do not fit."""
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": name},
        "password": password,
        "initial_device_display_name": device_name,
    }
    async with _http() as http:
        answer = await _asked(http, "POST", f"{url}/_matrix/client/v3/login", body)
    if "access_token" not in answer:
        raise Misconfigured("The homeserver does not accept this account's name and password.")
    return SignedIn(UserId(answer["user_id"]), answer["device_id"], answer["access_token"])


async def _whose(http: aiohttp.ClientSession, url: str, *, name: str, password: str) -> UserId:
    """The Matrix id behind a name; the sign-in it takes to ask leaves no device behind."""
    who = await sign_in(url, name=name, password=password)
    token = {"Authorization": f"Bearer {who.access_token}"}
    async with http.post(f"{url}/_matrix/client/v3/logout", headers=token, json={}):
        return who.user_id


def _http() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))


async def _asked(http: aiohttp.ClientSession, method: str, url: str, body: Any = None) -> dict[str, Any]:
    async with http.request(method, url, json=body) as response:
        answer: dict[str, Any] = await response.json(content_type=None)
        return answer
