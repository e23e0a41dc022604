"""The commands of set-up as functions: what was typed goes in, what was done is said line by line."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from bridge import service
from bridge.matrix import discovery
from bridge.matrix.homeserver import HomeserverError, SignedOut, SlowDown, TryLater
from bridge.signing_in import secret_in
from deploy.setup import house, settings_file, steps
from deploy.setup.answers import Host, Secrets
from deploy.setup.steps import Told
from facilitator.clock import Clock
from facilitator.errors import Misconfigured
from facilitator.rules import user_id as user_ids
from facilitator.settings_file import table_of

NO_ANSWER = "The homeserver does not answer just now. Nothing is lost: run this again in a moment."
SLOW_DOWN = "The homeserver asks to wait {seconds} seconds before it is asked again. Run this again then."
NOT_YET = "The homeserver has not answered yet. Waiting for it, a minute at most …"
SOON = timedelta(seconds=2)
READY = "The bot is ready."
READY_BEFORE = "The bot is ready: the rest was there already."
NOTHING_DONE = "All of it was there: nothing else had to be done."
REFUSED = "The homeserver said no ({code}). Check its settings and the account's rights, then run this again."


@dataclass(frozen=True, kw_only=True)
class Given:
    """What was typed after `hearth setup`."""

    settings: Path
    homeserver: str | None = None
    user_id: str | None = None
    organisation: str | None = None
    emergency_number: str | None = None
    data_dir: Path | None = None
    public_url: str | None = None
    accept_server_name: bool = False
    admin_token_file: Path | None = None
    ask: bool = False
    secrets: Secrets = field(default_factory=Secrets)


def setup(given: Given) -> None:
    told = Told(click.echo)
    told_of(_setup(given, told))
    if told.remains:
        click.echo("\nWhat remains:")
        for line in told.remains:
            click.echo(f"- {line}")


async def _setup(given: Given, told: Told) -> None:
    clock = Clock()
    settings_file.refuse_unwritable(given.settings)
    held = _held(given.settings)
    host = Host(given.ask, held)
    admin_token = secret_in(given.admin_token_file) if given.admin_token_file else None
    given.secrets.read()
    tables, is_known = await _answers(given, host, told, clock)
    if settings_file.write(given.settings, tables):
        told.did(f"Wrote the settings to {given.settings}.")
    else:
        told.say(f"The settings in {given.settings} were right already.")
    if "house" not in held:
        told.remains.append(
            f"Write the lines that !help shows into {given.settings}, under [[house.crisis_lines]]. Call each first."
        )
    await steps.database(given.settings, told)
    await steps.account(given.settings, lambda: host.way(given.secrets), told, clock=clock)
    await steps.device(given.settings, told, clock=clock, admin_token=admin_token)
    if not is_known:
        told.remains.append("Start the two services: hearth bridge and hearth web")
    told.say(READY if not is_known else READY_BEFORE if told.changed else NOTHING_DONE)


@asynccontextmanager
async def saying_that_it_waits(told: Told, clock: Clock) -> AsyncIterator[None]:
    """A homeserver may be silent for long; whoever typed the command is not left to wonder."""

    async def say() -> None:
        await clock.sleep(SOON)
        told.say(NOT_YET)

    saying = asyncio.ensure_future(say())
    try:
        yield
    finally:
        saying.cancel()
        await asyncio.wait([saying])


async def _answers(given: Given, host: Host, told: Told, clock: Clock) -> tuple[dict[str, dict[str, str]], bool]:
    """The settings to write, and whether this account has been set up before."""
    organisation = host.text(
        given.organisation, "--organisation", "Your organisation's name", setting=("house", "organisation")
    )
    number = host.text(
        given.emergency_number, "--emergency-number", "What one dials where life is in danger",
        setting=("house", "emergency_number"),
    )  # fmt: skip
    typed = host.text(
        given.homeserver, "--homeserver", "The homeserver: its name or its address", setting=("bridge", "homeserver")
    )
    bot = user_ids.parse(
        host.text(given.user_id, "--user-id", "The Matrix ID of the bot's account", setting=("bridge", "user_id"))
    )
    async with saying_that_it_waits(told, clock):
        address = await discovery.find(typed, clock=clock)
    before = host.settings.get("bridge", {}).get("user_id")
    is_known = before == bot and await _is_signed_in(given.settings)
    if not is_known:
        host.accepts(user_ids.server_of(bot), accepted=given.accept_server_name)
    tables: dict[str, dict[str, str]] = {
        "house": {"organisation": organisation, "emergency_number": number},
        "bridge": {"homeserver": address, "user_id": bot},
        "web": {},
    }
    if given.data_dir is not None:
        tables["house"]["data_dir"] = str(given.data_dir.absolute())
    if given.secrets.password_file is not None:
        tables["bridge"]["password_file"] = str(given.secrets.password_file.absolute())
    if given.public_url is not None:
        tables["web"]["public_url"] = given.public_url
    return tables, is_known


async def _is_signed_in(path: Path) -> bool:
    try:
        bot = await house.known_bot(path)
    except Misconfigured:  # no database yet, or not this version's: the step that sees to it says what is wrong
        return False
    return bot is not None and bot.device_id is not None


def _held(path: Path) -> Mapping[str, Mapping[str, object]]:
    """What the settings hold now; nothing where there is no file."""
    if not path.exists():
        return {}
    tables = {name: table_of(path, name) for name in ("house", "bridge", "web")}
    return {name: values for name, values in tables.items() if values}


def told_of(work: Coroutine[Any, Any, None]) -> None:
    """Run it; what a homeserver did not do becomes a sentence."""
    try:
        asyncio.run(work)
    except SlowDown as error:
        raise Misconfigured(SLOW_DOWN.format(seconds=int(error.after.total_seconds()))) from error
    except TryLater as error:
        raise Misconfigured(NO_ANSWER) from error
    except SignedOut as error:
        raise service.for_people(error) from error
    except HomeserverError as error:
        raise Misconfigured(REFUSED.format(code=error)) from error
