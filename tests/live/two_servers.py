"""Two homeservers that federate, each with accounts of its own: Riverside is where the bot lives, Lakeside is not."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from deploy import homeserver
from deploy.homeserver import Federation, LocalHomeserver, Options, free_port
from tests.live import named_homeserver
from tests.live.certificates import Authority

SOON_AGAIN = {
    "federation": {
        "client_timeout": "3s",
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
"""A server that gave no answer is asked again at once and not after ten minutes, as Synapse does by itself."""


@dataclass
class TwoServers:
    """`riverside` and `lakeside`, as they run now: each may be stopped and started again with all it had."""

    riverside: LocalHomeserver
    lakeside: LocalHomeserver
    _all: contextlib.AsyncExitStack = field(repr=False)

    async def start_lakeside(self) -> None:
        self.lakeside = await homeserver.start(self.lakeside.options)
        self._all.push_async_callback(self.lakeside.stop)


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
    async with contextlib.AsyncExitStack() as stack:
        both = []
        for host in ("riverside.test", "lakeside.test"):
            both.append(await homeserver.start(options(data, host, authority)))
            stack.push_async_callback(both[-1].stop)
        yield TwoServers(both[0], both[1], stack)
