"""Which servers may take part in a room (Matrix v1.16, "Server ACLs"). Pure.

A room that denies its keeper's own server can be mended by nobody, so every list that is put into one is made here.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from fnmatch import translate
from ipaddress import ip_address
from re import IGNORECASE, fullmatch
from typing import Any


@dataclass(frozen=True)
class ServerAcl:
    """Lists of server names, `*` and `?` in them standing for whatever comes there; what is denied is not allowed."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    ip_literals: bool = False
    """Whether servers may take part that have no name but an address in numbers."""

    def content(self) -> dict[str, Any]:
        """As the room's state has it."""
        return {"allow": [*self.allow], "deny": [*self.deny], "allow_ip_literals": self.ip_literals}

    def permits(self, server: str) -> bool:
        """Under either reading of a port: the specification leaves it out, some homeservers do not."""
        if _is_address(server) and not self.ip_literals:
            return False
        return all(_listed(name, self.allow) and not _listed(name, self.deny) for name in _names(server))

    def keeping(self, homes: Iterable[str]) -> "ServerAcl":
        """The same, but these servers may always take part."""
        kept = self
        for home in sorted(set(homes)):
            kept = kept if kept.permits(home) else kept._with(home)
        return kept

    def _with(self, home: str) -> "ServerAcl":
        names = _names(home)
        return replace(
            self,
            allow=(*self.allow, *(name for name in names if not _listed(name, self.allow))),
            deny=tuple(pattern for pattern in self.deny if not any(_listed(name, (pattern,)) for name in names)),
            ip_literals=self.ip_literals or _is_address(home),
        )


EVERYBODY = ServerAcl()


def only(servers: Collection[str]) -> ServerAcl:
    """These servers and no others."""
    names = sorted({name for server in servers for name in _names(server)})
    return ServerAcl(allow=tuple(names), ip_literals=any(_is_address(server) for server in servers))


def _names(server: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((server, without_port(server))))


def without_port(server: str) -> str:
    return server[: server.index("]") + 1] if server.startswith("[") and "]" in server else server.partition(":")[0]


def _is_address(server: str) -> bool:
    try:
        ip_address(without_port(server).strip("[]"))
    except ValueError:
        return False
    return True


def _listed(name: str, patterns: Iterable[str]) -> bool:
    return any(fullmatch(_glob(pattern), name, IGNORECASE) for pattern in patterns)


def _glob(pattern: str) -> str:
    """Only `*` and `?` mean something in Matrix; brackets, which addresses are written in, do not."""
    return translate(pattern.replace("[", "[[]"))
