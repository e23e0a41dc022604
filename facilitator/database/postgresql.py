"""PostgreSQL as we want it: nothing waits for ever, and a connection that died is noticed before it is used."""

from typing import Any

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

READING = {"postgresql_readonly": True}
CHANGING: dict[str, Any] = {}

CONNECT_SECONDS = 5
SETTINGS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
    "synchronous_commit": "on",
    "default_transaction_isolation": "read\\ committed",
}
PATIENCE = {"statement_timeout": "0", "lock_timeout": "30s", "idle_in_transaction_session_timeout": "0"}


def engine_for(url: URL, *, upgrading: bool = False, **options: Any) -> AsyncEngine:
    """`upgrading` has the patience that rebuilding a large table takes."""
    settings = SETTINGS | (PATIENCE if upgrading else {})
    return create_async_engine(
        with_safe_transport(url).set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        connect_args={
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "hearth",
        },
        **options,
    )


def with_safe_transport(url: URL) -> URL:
    """Over a network, the server proves who it is, unless the URL says otherwise."""
    if is_here(url) or "sslmode" in url.query:
        return url
    return url.update_query_dict({"sslmode": "verify-full"})


def is_here(url: URL) -> bool:
    hosts = url.query.get("host", url.host or "")
    names = hosts.split(",") if isinstance(hosts, str) else hosts
    return all(name == "" or name.startswith("/") or name in ("localhost", "127.0.0.1", "::1") for name in names)
