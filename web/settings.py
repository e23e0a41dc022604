"""The panel's settings, `[web]` in hearth.toml. A wrong one stops the start with a sentence naming it."""

from functools import cached_property
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from web.limits import Network


class Settings(BaseModel):
    """Frozen; values are passed on, never looked up."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    host: str = Field(default="127.0.0.1", description="The address the panel listens on; a proxy stands before it.")
    port: int = Field(default=8700, ge=0, le=65535, description="The port it listens on; 0 takes any free one.")
    public_url: str = Field(
        default="http://localhost:8700",
        description="What people type: https://, the host, the port if it is not the usual one, and nothing after.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="Addresses or networks whose X-Forwarded-For is believed, for example 127.0.0.1."
    )
    leave_to: str = Field(
        default="https://www.wikipedia.org/",
        description="Where Leave quickly leads: a page anybody might have open.",
    )
    style_page: bool = Field(
        default=False, description="For who works on the panel's look: /style shows every part of it."
    )

    @field_validator("public_url")
    @classmethod
    def plain_address(cls, url: str) -> str:
        address = urlsplit(url.rstrip("/").lower())
        if address.scheme not in ("http", "https") or not address.hostname or address.path or address.query:
            raise ValueError("it must be an address without a path, like https://panel.example.org")
        if address.scheme == "http" and not is_loopback(address.hostname):
            raise ValueError("it must begin with https:// unless it is on this very machine")
        return address.geturl()

    @field_validator("trusted_proxies")
    @classmethod
    def networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(ip_network(each, strict=False)) for each in proxies)
        except ValueError:
            raise ValueError("they must be addresses or networks, like 127.0.0.1 or 10.0.0.0/8") from None

    @field_validator("leave_to")
    @classmethod
    def a_page(cls, url: str) -> str:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("it must be the address of a page, like https://www.wikipedia.org/")
        return url

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


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
