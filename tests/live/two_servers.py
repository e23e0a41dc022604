"""Two homeservers that federate, each with accounts of its own: Riverside is where the bot lives, Lakeside is not."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy import homeserver
from deploy.homeserver import Federation, LocalHomeserver, Options, free_port
from tests.live import named_homeserver
from tests.live.certificates import Authority

SOON_AGAIN = {
    "federation": {
        "client_timeout": "2s",
        "max_short_retries": 0,
        "max_short_retry_delay": 100,
        "max_long_retries": 1,
        "max_long_retry_delay": 200,
        "destination_min_retry_interval": 500,
        "destination_retry_multiplier": 1,
        "destination_max_retry_interval": 500,
    },
    "caches": {"sync_response_cache_duration": 0},
}
"""A server that gave no answer is asked again at once; Synapse by itself waits ten minutes, and longer each time."""


@dataclass
class TwoServers:
    """Both as they run now. Lakeside may be away for a while: it keeps all it had."""

    riverside: LocalHomeserver
    lakeside: LocalHomeserver

    async def start_lakeside(self) -> None:
        self.lakeside = await homeserver.start(self.lakeside.options)

    @contextlib.contextmanager
    def lakeside_frozen(self) -> Iterator[None]:
        """It takes every call and answers none."""
        os.killpg(self.lakeside.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.lakeside.process.pid, signal.SIGCONT)


def options(data: Path, host: str, authority: Authority) -> Options:
    port, (certificate, key) = free_port(), authority.issue(host)
    return Options(
        data=data / host,
        port=free_port(),
        server_name=f"{host}:{port}",
        federation=Federation(port=port, certificate=certificate, key=key, authority=authority.certificate),
        extra=SOON_AGAIN,
        program=(named_homeserver.__file__,),
    )


@contextlib.asynccontextmanager
async def running(data: Path) -> AsyncIterator[TwoServers]:
    authority = Authority(data)
    starting = [homeserver.start(options(data, f"{name}.test", authority)) for name in ("riverside", "lakeside")]
    both = TwoServers(*await asyncio.gather(*starting))
    try:
        yield both
    finally:
        await asyncio.gather(both.riverside.stop(), both.lakeside.stop())
