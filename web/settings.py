"""The panel's settings, `[web]` in hearth.toml. A wrong one stops the start with a sentence naming it."""

from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from facilitator.settings_values import setting, within
from web.limits import Network


def plain_address(url: str) -> str:
    address = urlsplit(url.rstrip("/").lower())
    if address.scheme not in ("http", "https") or not address.hostname or address.path or address.query:
        raise ValueError("it must be an address without a path, like https://panel.example.org")
    if address.scheme == "http" and not is_loopback(address.hostname):
        raise ValueError("it must begin with https:// unless it is on this very machine")
    return address.geturl()


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def networks(proxies: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(each, strict=False)) for each in proxies)
    except ValueError:
        raise ValueError("they must be addresses or networks, like 127.0.0.1 or 10.0.0.0/8") from None


def a_page(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("it must be the address of a page, like https://www.wikipedia.org/")
    return url


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Frozen; values are passed on, never looked up."""

    host: str = setting("The address the panel listens on; a proxy stands before it.", default="127.0.0.1")
    port: Annotated[int, within(0, 65535)] = setting("The port it listens on; 0 takes any free one.", default=8700)
    public_url: Annotated[str, plain_address] = setting(
        "What people type: https://, the host, the port if it is not the usual one, and nothing after.",
        default="http://localhost:8700",
    )
    trusted_proxies: Annotated[tuple[str, ...], networks] = setting(
        "Addresses or networks whose X-Forwarded-For is believed, for example 127.0.0.1.", default=()
    )
    leave_to: Annotated[str, a_page] = setting(
        "Where Leave quickly leads: a page anybody might have open.", default="https://www.wikipedia.org/"
    )

    @cached_property
    def proxies(self) -> tuple[Network, ...]:
        return tuple(ip_network(each) for each in self.trusted_proxies)

    @property
    def origin(self) -> str:
        """What a browser sends as Origin: scheme, host, and the port when it is not the usual one."""
        return self.public_url

    @property
    def allowed_host(self) -> str:
        return urlsplit(self.public_url).netloc

    @property
    def secure(self) -> bool:
        """Behind https the cookie is `__Host-s` and Secure. Plain http is for this very machine alone, where Secure
        would add nothing and some browsers would drop the cookie."""
        return self.public_url.startswith("https://")

    @property
    def cookie(self) -> str:
        return "__Host-s" if self.secure else "s"
