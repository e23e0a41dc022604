"""Loopback ports: is one free, and which one to take."""

import errno
import socket
from collections.abc import Collection

from facilitator.errors import Misconfigured

LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def choose(asked: int | None, *, remembered: int | None, usual: int, option: str, besides: Collection[int] = ()) -> int:
    """The port somebody asked for, else the one of last time, else the usual one, else any; never one of `besides`,
    which others of ours are about to take.

    Raises Misconfigured when the one that was asked for is taken: `option` is where it was asked for.
    """
    if asked is not None:
        if asked in besides or not is_free(asked):
            raise Misconfigured(f"Port {asked} is taken: stop what is using it, or choose another with {option}.")
        return asked
    wanted = [port for port in (remembered, usual) if port is not None and port not in besides]
    return next(filter(is_free, wanted), None) or any_free()


def is_free(port: int) -> bool:
    """On either loopback address: a browser that is told `localhost` may ask at both."""
    return all(_can_listen(family, host, port) for family, host in LOOPBACK)


def any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _can_listen(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        probe = socket.socket(family)
    except OSError:
        return True  # this machine does not speak it, so nobody listens there
    with probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRNOTAVAIL  # IPv6 is switched off: nobody listens there
    return True
