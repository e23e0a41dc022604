"""Start and stop a Synapse on this machine, reachable from loopback alone, on SQLite.

The demo, the live tests and the benchmarks need a real homeserver that is there within seconds, speaks to nobody
outside and leaves nothing running behind. It is not how to run one for an organisation.
"""

import base64
import contextlib
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp

from deploy import ports, processes
from deploy.ports import any_free as free_port
from deploy.processes import Service
from facilitator.clock import Clock
from facilitator.errors import Misconfigured

HOST = "127.0.0.1"
READY_WITHIN = timedelta(seconds=60)
LOOK_EVERY = timedelta(milliseconds=50)

__all__ = ["HOST", "LIFTED", "Federation", "LocalHomeserver", "Options", "free_port", "require", "running", "start"]

LIFTED: Mapping[str, Any] = {
    **{
        name: {"per_second": 10_000, "burst_count": 10_000}
        for name in ("rc_message", "rc_registration", "rc_admin_redaction", "rc_delayed_event_mgmt", "rc_reports")
    },
    "rc_room_creation": {"per_second": 10_000, "burst_count": 10_000},
    "rc_login": {
        name: {"per_second": 10_000, "burst_count": 10_000} for name in ("address", "account", "failed_attempts")
    },
    "rc_joins": {name: {"per_second": 10_000, "burst_count": 10_000} for name in ("local", "remote")},
    "rc_joins_per_room": {"per_second": 10_000, "burst_count": 10_000},
    "rc_invites": {
        name: {"per_second": 10_000, "burst_count": 10_000} for name in ("per_room", "per_user", "per_issuer")
    },
}
"""Synapse's limits, out of the way; stock ones let a fresh account say two words a minute."""


@dataclass(frozen=True, kw_only=True)
class Federation:
    """Where other servers reach this one: a listener of its own, with TLS. `certificate` and `key` are its own;
    `authority` signs the certificates it believes of others, and nobody else's are believed."""

    port: int
    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may differ between one local homeserver and another. `extra` replaces whole top-level keys of its
    configuration; `limited` keeps Synapse's stock rate limits; without `federation` it talks to no other server.
    `program`: what Python runs as the homeserver.
    """

    data: Path
    port: int
    server_name: str = "localhost"
    limited: bool = False
    federation: Federation | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    program: tuple[str, ...] = ("-m", "synapse.app.homeserver")

    @property
    def log(self) -> Path:
        return self.data / "homeserver.log"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


@dataclass
class LocalHomeserver:
    """A Synapse that runs. `registration_secret` is what `matrix_accounts.register` needs."""

    options: Options
    registration_secret: str = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)
    clock: Clock = field(default_factory=Clock, repr=False)

    @property
    def url(self) -> str:
        return self.options.url

    @property
    def server_name(self) -> str:
        return self.options.server_name

    async def stop(self) -> None:
        """End its whole process group: kindly, then not. Harmless when it has ended already."""
        await processes.stop(self.process, self.clock)


def require() -> None:
    """Raises Misconfigured when there is no Synapse in this environment."""
    if find_spec("synapse") is None:
        raise Misconfigured("This needs Synapse, which is not installed here: run `make demo` in a checkout of Hearth.")


async def start(
    options: Options, clock: Clock | None = None, *, launched: Callable[[Service], None] | None = None
) -> LocalHomeserver:
    """Start it and wait until it answers. Data, keys and accounts of an earlier run in the same folder are kept.

    `launched` is told of the program at once, before it answers. Raises Misconfigured when the port is taken or the
    program ends before it answers.
    """
    clock = clock or Clock()
    _refuse_taken_port(options.port)
    secret = _write_configuration(options)
    service = _launch(options)
    if launched is not None:
        launched(service)
    homeserver = LocalHomeserver(options, secret, service.process, clock)
    try:
        await _answers(homeserver)
    except BaseException:
        await homeserver.stop()
        raise
    return homeserver


@contextlib.asynccontextmanager
async def running(options: Options, clock: Clock | None = None) -> AsyncIterator[LocalHomeserver]:
    homeserver = await start(options, clock)
    try:
        yield homeserver
    finally:
        await homeserver.stop()


def _refuse_taken_port(port: int) -> None:
    if not ports.is_free(port):
        raise Misconfigured(
            f"Port {port}, where the homeserver should listen, is taken. "
            "Stop what is using it, or choose another with --homeserver-port."
        )


def _write_configuration(options: Options) -> str:
    options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = _kept_secrets(options)
    log_configuration = options.data / "log.json"
    log_configuration.write_text(json.dumps(_LOG_CONFIGURATION))
    configuration = _configuration(options) | kept | {"log_config": str(log_configuration)} | dict(options.extra)
    _write_secret(options.data / "homeserver.json", json.dumps(configuration, indent=1))
    return str(kept["registration_shared_secret"])


def _kept_secrets(options: Options) -> dict[str, str]:
    """Made once: a new signing key or macaroon secret would make strangers of everybody already signed in."""
    path = options.data / "secrets.json"
    if not path.exists():
        names = ("registration_shared_secret", "macaroon_secret_key", "form_secret")
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        made = {name: secrets.token_urlsafe(32) for name in names} | {"signing_key": f"ed25519 a_hearth {seed}"}
        _write_secret(path, json.dumps(made))
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def _write_secret(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")  # whole or not at all: a start may be interrupted anywhere
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def _configuration(options: Options) -> dict[str, Any]:
    return {
        "server_name": options.server_name,
        "public_baseurl": f"{options.url}/",
        "listeners": [_listener(options.port, "client")],
        "database": {"name": "sqlite3", "args": {"database": str(options.data / "homeserver.db")}},
        "media_store_path": str(options.data / "media"),
        **_KEEPS_TO_ITSELF,
        **({} if options.limited else LIFTED),
        **(_SPEAKS_TO_NO_OTHER if options.federation is None else _federating(options, options.federation)),
    }


def _listener(port: int, serves: str, *, tls: bool = False) -> dict[str, Any]:
    return {"port": port, "bind_addresses": [HOST], "type": "http", "tls": tls, "resources": [{"names": [serves]}]}


def _federating(options: Options, federation: Federation) -> dict[str, Any]:
    """Synapse refuses to talk to loopback of itself; only under these names is it told that it may."""
    return {
        "listeners": [_listener(options.port, "client"), _listener(federation.port, "federation", tls=True)],
        "tls_certificate_path": str(federation.certificate),
        "tls_private_key_path": str(federation.key),
        "federation_custom_ca_list": [str(federation.authority)],
        "ip_range_blacklist": [],
        "federation_ip_range_blacklist": [],
    }


_SPEAKS_TO_NO_OTHER: Mapping[str, Any] = {"federation_domain_whitelist": [], "send_federation": False}


_KEEPS_TO_ITSELF: Mapping[str, Any] = {
    "report_stats": False,
    "trusted_key_servers": [],
    "suppress_key_server_warning": True,
    "url_preview_enabled": False,
    "enable_registration": False,
    "presence": {"enabled": False},
    "enable_search": False,
    "bcrypt_rounds": 4,  # passwords of sample people on loopback: cheap to check, so that signing in is quick
}

_LOG_CONFIGURATION: Mapping[str, Any] = {
    "version": 1,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
    "disable_existing_loggers": False,
}


def _launch(options: Options) -> Service:
    command = [sys.executable, *options.program, "-c", str(options.data / "homeserver.json")]
    return processes.start("the homeserver", command, folder=options.data, log=options.log)


async def _answers(homeserver: LocalHomeserver) -> None:
    clock, deadline = homeserver.clock, homeserver.clock.monotonic() + READY_WITHIN.total_seconds()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        while clock.monotonic() < deadline:
            if homeserver.process.poll() is not None:
                break
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(f"{homeserver.url}/_matrix/client/versions") as response:
                    if response.status == 200:
                        return
            await clock.sleep(LOOK_EVERY)
    raise Misconfigured(f"The homeserver did not start. {processes.last_words(homeserver.options.log)}")
