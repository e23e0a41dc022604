"""`hearth renew` and `hearth identity save`: a new device under the old identity, and a copy to make sure of that.

One command mends every kind of lost or old keys; the host need not know which kind it was.
"""

from dataclasses import dataclass, field
from pathlib import Path

import click

from bridge import account, identity_copy, renewing
from bridge.identity_copy import Copy
from bridge.renewing import Wishes
from bridge.signing_in import secret_in
from bridge.ways_in import WayIn
from deploy import commands
from deploy.setup import house
from deploy.setup.answers import Host, Secrets
from deploy.setup.running import told_of
from deploy.setup.steps import in_fours
from facilitator import bots
from facilitator.clock import Clock
from facilitator.database import KeyRing, connect
from facilitator.database.keys import write_privately
from facilitator.errors import Misconfigured
from facilitator.ids import UserId

NEW_IDENTITY = (
    "With a new identity, the app of everyone who ever verified the bot warns that it may be somebody else, and does "
    "not send it anything until they have looked at it again. Tell your groups before, by another way."
)
NOT_BOTH = "Either go on under the identity of your copy, or make a new one: not both."
UNSEALED_BY = "Name a file with the copy's passphrase: --passphrase-file."
DIFFERENT = "The two passphrases differ. Nothing was written."
NO_IDENTITY = "The bot has no identity yet: run `hearth setup` first."
THERE_ALREADY = "There is something at {file} already, and it is not written over. Name another file."


@dataclass(frozen=True, kw_only=True)
class Given:
    """What was typed after `hearth renew`."""

    settings: Path
    identity: Path | None = None
    passphrase_file: Path | None = None
    new_identity: bool = False
    yes: bool = False
    ask: bool = False
    secrets: Secrets = field(default_factory=Secrets)


def renew(given: Given) -> None:
    told_of(_renew(given))


async def _renew(given: Given) -> None:
    clock, host = Clock(), Host(given.ask)
    copy = _copy(given, host)
    if given.new_identity:
        _confirmed(given, host)
    way = given.secrets.read()
    if copy is not None:
        await _make_room_for(given.settings)
    async with house.held(given.settings, clock) as held:
        wishes = Wishes(way=_way(way, given, host, held), identity=copy, new_identity=given.new_identity)
        done = await renewing.renew(held.database, held.bot, held.settings, held.keys, wishes=wishes, clock=clock)
    click.echo("The bot has a new device. The old one is deleted." if not done.devices_left else LEFT)
    if done.is_new_identity:
        click.echo("It has a new identity. Keep a sealed copy of it: hearth identity save FILE")
    else:
        click.echo("Its identity is the same as before: nobody has to do anything.")
    click.echo(f"The identity, for whoever wants to compare it:\n    {in_fours(done.master_key)}")
    click.echo("Start the bridge again: hearth bridge")


LEFT = (
    "The bot has a new device. The homeserver did not let Hearth delete the old one: sign it out in another client, or "
    "run this again with --password-file."
)


def _copy(given: Given, host: Host) -> Copy | None:
    if given.identity is None:
        return None
    if given.new_identity:
        raise Misconfigured(NOT_BOTH)
    try:
        text = given.identity.read_text()
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"The copy {given.identity} cannot be read.") from None
    return identity_copy.unseal(text, _passphrase(given.passphrase_file, host, "The copy's passphrase"))


def _confirmed(given: Given, host: Host) -> None:
    if given.yes:
        return
    if not host.is_there:
        raise Misconfigured(f"{NEW_IDENTITY} If that has to be, say --yes too.")
    click.echo(NEW_IDENTITY)
    click.confirm("Make a new identity", default=False, abort=True)


def _way(way: WayIn, given: Given, host: Host, held: house.Held) -> WayIn:
    """What was named; else an application service's own token; else the password, from its file or the host."""
    if way.is_given or (held.bot.login == "application_service" and held.bot.access_token is not None):
        return way
    if held.settings.password_file is not None and held.settings.password_file.exists():
        return WayIn(password=secret_in(held.settings.password_file))
    return host.way(given.secrets)


async def _make_room_for(path: Path) -> None:
    """Where bridge.key is lost, what it sealed is lost with it: a new key, and only the copy to go on from."""
    files, settings = commands.house_of(path), commands.bridge_of(path)
    key = settings.key_in(files.data_dir)
    if key.exists():
        return
    with account.only_one(files.data_dir):
        database = connect(files.database_url, people=KeyRing.load(files.people_key), bridge=KeyRing.new())
        try:
            await database.check_schema()
            async with database.transaction() as db:
                await bots.forget_secrets(db, UserId(settings.user_id))
        finally:
            await database.close()
        KeyRing.create(key)
    click.echo(f"Made a new {key}: what the lost one sealed is gone, and the identity comes from your copy.")


def save(settings: Path, file: Path, passphrase_file: Path | None, *, ask: bool) -> None:
    if file.exists():
        raise Misconfigured(THERE_ALREADY.format(file=file))
    told_of(_save(settings, file, passphrase_file, Host(ask)))


async def _save(settings: Path, file: Path, passphrase_file: Path | None, host: Host) -> None:
    bot = await house.known_bot(settings)
    seeds = None
    if bot is not None:
        async with house.opened(settings) as (_, database), database.reading() as db:
            seeds = await bots.seeds(db, bot.id)
    if bot is None or seeds is None:
        raise Misconfigured(NO_IDENTITY)
    passphrase = _passphrase(passphrase_file, host, "A passphrase for the copy: four or five words")
    if passphrase_file is None and host.password("The same again") != passphrase:
        raise Misconfigured(DIFFERENT)
    sealed = identity_copy.seal(Copy(bot.user_id, seeds), passphrase)
    try:
        write_privately(file, sealed, over=False)
    except FileExistsError:
        raise Misconfigured(THERE_ALREADY.format(file=file)) from None
    except OSError as error:
        raise Misconfigured(f"{file} cannot be written: {error.strerror}.") from None
    click.echo(
        f"Sealed the bot's identity in {file}. Keep it apart from this machine, and its passphrase apart from it."
    )


def _passphrase(file: Path | None, host: Host, question: str) -> str:
    if file is not None:
        return secret_in(file)
    given = host.password(question)
    if given is None:
        raise Misconfigured(UNSEALED_BY)
    return given
