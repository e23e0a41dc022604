"""What the host says: in options, secret files and the settings; asked for only where all of them are silent.

A secret is never on the command line, where every account of the machine can read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from bridge.signing_in import secret_in
from bridge.ways_in import NONE_GIVEN, WayIn
from facilitator.errors import Misconfigured
from facilitator.rules import server_name

ONE_WAY = "Give one way to sign the account in, not several: a password, a token, or an application service's token."
NO_DEVICE_ID = "--device-id belongs to --token-file: it says which device the token is for."
NEEDS_DEVICE_ID = "Say with --device-id which device the token is for: without one, nothing can be encrypted."
DECLINED = "Nothing was made. Choose a homeserver with a neutral name, then run this again."
WAYS = {"1": "its password", "2": "an access token and its device id", "3": "the token of an application service"}


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """Files with the secret of one way in, as options named them."""

    password_file: Path | None = None
    token_file: Path | None = None
    device_id: str | None = None
    as_token_file: Path | None = None

    def read(self) -> WayIn:
        """Raises Misconfigured; a WayIn with nothing in it where no file was named."""
        if sum(file is not None for file in (self.password_file, self.token_file, self.as_token_file)) > 1:
            raise Misconfigured(ONE_WAY)
        if self.device_id is not None and self.token_file is None:
            raise Misconfigured(NO_DEVICE_ID)
        if self.token_file is not None and self.device_id is None:
            raise Misconfigured(NEEDS_DEVICE_ID)
        return WayIn(
            password=secret_in(self.password_file) if self.password_file else None,
            token=secret_in(self.token_file) if self.token_file else None,
            device_id=self.device_id,
            service_token=secret_in(self.as_token_file) if self.as_token_file else None,
        )


@dataclass(frozen=True)
class Host:
    """The person at the terminal, or nobody."""

    is_there: bool
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def text(self, given: str | None, option: str, question: str, *, setting: tuple[str, str]) -> str:
        """What was given; else what the settings hold; else what they answer. Raises Misconfigured."""
        if given is not None and given.strip():
            return given.strip()
        table, name = setting
        held = self.settings.get(table, {}).get(name)
        if isinstance(held, str) and held:
            return held
        if not self.is_there:
            raise Misconfigured(f"Say {option} ({question[:1].lower()}{question[1:]}).")
        return str(click.prompt(question)).strip()

    def way(self, secrets: Secrets) -> WayIn:
        """The way in that was named, or asked for. Raises Misconfigured."""
        named = secrets.read()
        if named.is_given:
            return named
        if not self.is_there:
            raise Misconfigured(NONE_GIVEN)
        click.echo("How does Hearth sign the account in? With")
        for number, way in WAYS.items():
            click.echo(f"  {number}  {way}")
        chosen = click.prompt("Which", type=click.Choice(list(WAYS)), default="1", show_choices=False)
        if chosen == "1":
            return WayIn(password=_hidden("The account's password"))
        if chosen == "2":
            token = _hidden("The access token")
            return WayIn(token=token, device_id=str(click.prompt("Its device id")).strip())
        return WayIn(service_token=_hidden("The application service's token (as_token)"))

    def accepts(self, name: str, *, accepted: bool) -> None:
        """Have the server's name considered, before anything is made. Raises Misconfigured."""
        word = server_name.telling_word(name)
        told = server_name.FOR_EVER + (f" {server_name.TELLING.format(word=word)}" if word else "")
        if not accepted and not self.is_there:
            raise Misconfigured(f"{told} If {name} is right all the same, say --accept-server-name.")
        click.echo(told)
        if accepted:
            return
        if not click.confirm(f"Is {name} right", default=False):
            raise Misconfigured(DECLINED)

    def password(self, question: str) -> str | None:
        return _hidden(question) if self.is_there else None


def _hidden(question: str) -> str:
    return str(click.prompt(f"{question} (it is not shown)", hide_input=True)).strip()
