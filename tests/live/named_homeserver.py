"""A Synapse for which every name is this machine: run as a program in place of Synapse's own.

Servers are told apart in a room's access list by their names without the port (Matrix v1.16, m.room.server_acl), so two
on one machine need two names, and no resolver of this machine knows any.
"""

import socket
from typing import Any

HOST = "127.0.0.1"
_known = socket.getaddrinfo


def _here(host: Any, *rest: Any, **more: Any) -> Any:
    return _known(HOST if isinstance(host, str) and host.endswith(".test") else host, *rest, **more)


if __name__ == "__main__":
    socket.getaddrinfo = _here  # before Twisted takes it for itself
    from synapse.app.homeserver import main

    main()
