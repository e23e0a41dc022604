"""All we use of nio and of peewee beneath it, loaded without what only nio's own client would need.

A process keeps every module it ever loaded: this is a tenth of the bridge's memory and of its start.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

WHERE_INSTALLED = ("MySQLdb", "cffi", "gevent", "psycopg", "psycopg2", "psycopg2cffi", "pymysql")
"""Tried by peewee and pycryptodome, which go without them where they are absent: drivers of databases that a key store
never is, and another way to call C."""
FOR_ITS_CLIENT = ("h11", "h2", "h2.connection", "h2.events", "nio.client")
"""Loaded for nio's client, whose place `connection` takes: nothing we use ever looks into them."""


@contextmanager
def _without() -> Iterator[None]:
    """Let what is not loaded yet be absent or empty meanwhile. Whoever imports one of these modules afterwards gets it;
    what nio itself took from them stays empty, so its own client cannot be used in this process."""
    laid = {**dict.fromkeys(WHERE_INSTALLED), **{name: ModuleType(name) for name in FOR_ITS_CLIENT}}
    ours = {name: module for name, module in laid.items() if name not in sys.modules}
    sys.modules.update(ours)  # type: ignore[arg-type] # None: absent, as the import system has it
    try:
        yield
    finally:
        for name in ours:
            del sys.modules[name]


with _without():
    import peewee
    from nio.crypto import DeviceStore, GroupSessionStore, Olm, OlmDevice, SessionStore, TrustState
    from nio.crypto.sessions import InboundGroupSession, OlmAccount, OutboundGroupSession, Session
    from nio.events import RoomKeyEvent, ToDeviceEvent
    from nio.store import SqliteStore

__all__ = [
    "DeviceStore",
    "GroupSessionStore",
    "InboundGroupSession",
    "Olm",
    "OlmAccount",
    "OlmDevice",
    "OutboundGroupSession",
    "RoomKeyEvent",
    "Session",
    "SessionStore",
    "SqliteStore",
    "ToDeviceEvent",
    "TrustState",
    "peewee",
]
