"""What a host types: `hearth setup`, `hearth renew`, `hearth identity save`. Nothing is imported before it is run."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from deploy.options import with_settings

Function = TypeVar("Function", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, dir_okay=False)
SECRET_FILES = (
    click.option("--password-file", type=FILE, help="A file (mode 0600) with the password of the bot's account."),
    click.option("--token-file", type=FILE, help="A file (mode 0600) with an access token of it; needs --device-id."),
    click.option("--device-id", help="The device the access token is for."),
    click.option("--as-token-file", type=FILE, help="A file (mode 0600) with an application service's as_token."),
    click.option(
        "--ask/--no-ask", default=None, help="Ask for what is missing. Usual in a terminal; elsewhere it is an error."
    ),
)


def with_ways_in(function: Function) -> Function:
    for option in reversed(SECRET_FILES):
        function = option(function)
    return function


def asks(ask: bool | None) -> bool:
    return sys.stdin.isatty() if ask is None else ask


@click.command()
@click.option("--homeserver", help="The homeserver's name, such as example.org, or its client address.")
@click.option("--user-id", help="The Matrix ID of the bot's account.")
@with_ways_in
@click.option(
    "--admin-token-file", type=FILE, help="An administrator's token, to lift the bot's rate limits. Not kept."
)
@click.option("--accept-server-name", is_flag=True, help="The server's name may stand in everybody's Matrix ID.")
@click.option("--organisation", help="Your organisation's name, as people know it.")
@click.option("--emergency-number", help="What one dials where life is in danger.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="The folder of database and keys.")
@click.option("--public-url", help="The panel's address, as people type it.")
@with_settings
def setup(ask: bool | None, **typed: Any) -> None:
    """Set Hearth up on a homeserver. Running it again is harmless."""
    from deploy.setup import running
    from deploy.setup.answers import Secrets

    names = ("password_file", "token_file", "device_id", "as_token_file")
    secrets = Secrets(**{name: typed.pop(name) for name in names})
    running.setup(running.Given(ask=asks(ask), secrets=secrets, **typed))


@click.command()
@with_ways_in
@click.option("--identity", type=FILE, help="A sealed copy of the identity, where its secret half is lost.")
@click.option("--passphrase-file", type=FILE, help="A file (mode 0600) with the copy's passphrase.")
@click.option("--new-identity", is_flag=True, help="Make another identity. Members' apps will warn of it.")
@click.option("--yes", is_flag=True, help="You have read what a new identity means.")
@with_settings
def renew(ask: bool | None, **typed: Any) -> None:
    """Give the bot a new device under the identity it has. The mend for lost or old keys."""
    from deploy.setup import renewal
    from deploy.setup.answers import Secrets

    names = ("password_file", "token_file", "device_id", "as_token_file")
    secrets = Secrets(**{name: typed.pop(name) for name in names})
    renewal.renew(renewal.Given(ask=asks(ask), secrets=secrets, **typed))


@click.group()
def identity() -> None:
    """The bot's identity, which people may have verified."""


@identity.command()
@click.argument("file", type=FILE)
@click.option("--passphrase-file", type=FILE, help="A file (mode 0600) with the passphrase to seal it with.")
@click.option("--ask/--no-ask", default=None, help="Ask for the passphrase. Usual in a terminal.")
@with_settings
def save(file: Path, passphrase_file: Path | None, ask: bool | None, settings: Path) -> None:
    """Write a copy of the identity to FILE, sealed with a passphrase. Keep it apart."""
    from deploy.setup import renewal

    renewal.save(settings, file, passphrase_file, ask=asks(ask))
