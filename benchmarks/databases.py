"""The bridge's database for a measurement: a file, or a PostgreSQL of its own as durable as a host's."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from facilitator.ids import new_id
from tests import postgres

DURABLE = ("listen_addresses=", "max_connections=50")


@contextmanager
def of(engine: str) -> Iterator[Callable[[], str]]:
    """Makes the address of a new database, each time it is called; "" is a file in the bridge's own folder."""
    if engine == "sqlite":
        yield str
        return
    folder = Path(tempfile.mkdtemp(prefix="hearth-bench-pg-", dir="/tmp"))  # short: a socket's path has 107 bytes
    server = postgres.start(folder, DURABLE)
    try:
        postgres.wait_until_ready(server)

        def new() -> str:
            name = f"bench_{new_id().replace('-', '')}"
            server.administer(f"CREATE DATABASE {name}")
            return server.url(name)

        yield new
    finally:
        server.process.send_signal(signal.SIGINT)
        try:
            server.process.wait(30)
        except subprocess.TimeoutExpired:
            server.process.kill()
        shutil.rmtree(folder)
