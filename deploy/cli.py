"""The `hearth` command. What people did wrong is one sentence and exit status 2, never a trace; 75 where
waiting is the mend.

Everything is imported where it is needed: `hearth --version` does not wait for a database library.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from deploy.options import with_settings
from deploy.setup.command import identity, renew, setup
from facilitator.clock import Clock
from facilitator.errors import ForNow, Refused

CANNOT = 2
"""The exit status when something has to be mended first; 1 is a bug of ours."""
FOR_NOW = 75
"""EX_TEMPFAIL: it passes by itself. A service manager may start the service again; after CANNOT it must not."""


class Hearth(click.Group):
    """Turns what may be told into a sentence, and everything else into a trace without a word of what was held."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except Refused as refused:
            click.echo(refused.sentence, err=True)
            context.exit(FOR_NOW if isinstance(refused, ForNow) else CANNOT)
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            context.exit(INTERRUPTED)
        except Exception as error:
            from deploy import logs
            from facilitator.database import Unavailable

            if isinstance(error, Unavailable):
                click.echo(UNAVAILABLE[error.why], err=True)
                context.exit(FOR_NOW)
            click.echo("\n".join([BUG, *logs.trace(error)]), err=True)
            context.exit(1)


BUG = "This is a bug in Hearth, not your fault. What happened, without a word of what it held:"
INTERRUPTED = 130
"""As shells have it: ended by Ctrl-C, before there was anything to stop in order."""
UNAVAILABLE = {
    "busy": "The database is busy just now: try again in a moment.",
    "full": "The disk is full: make room, then try again.",
    "unreachable": "The database does not answer: start it, or correct database_url in [house].",
}


@click.group(cls=Hearth)
@click.version_option(package_name="hearth", prog_name="hearth")
def main() -> None:
    """Hearth: private, encrypted rooms for peer-support groups, on Matrix."""
    os.umask(0o077)


for command in (identity, renew, setup):
    main.add_command(command)


@main.command()
@with_settings
def bridge(settings: Path) -> None:
    """Run the Matrix service. It makes the rooms and speaks in them."""
    from bridge import service
    from deploy import commands, logs

    logs.configure()
    gc.freeze()  # what is loaded stays: looking through all of it again and again would stop the loops each time
    run(service.run(commands.house_of(settings), commands.bridge_of(settings)))


@main.command()
@with_settings
def web(settings: Path) -> None:
    """Run the panel. There facilitators look after their groups."""
    from deploy import commands, logs
    from web import service

    logs.configure()
    run(service.run(commands.house_of(settings), commands.panel_of(settings)))


@main.command()
@with_settings
def migrate(settings: Path) -> None:
    """Bring the database to this version. The first time, make it and its keys."""
    from deploy import commands

    done = run(commands.migrate(settings))
    if not done.changed:
        click.echo(f"The database is at {done.after} already: nothing to do.")
    elif done.before is None:
        click.echo(f"Made a new database, at {done.after}. Keep a copy of its keys apart from it.")
    else:
        click.echo(f"Brought the database from {done.before} to {done.after}.")
    if done.copy is not None:
        click.echo(f"A copy of it as it was before is {done.copy}.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for a program to read.")
@with_settings
def doctor(as_json: bool, settings: Path) -> None:
    """Look whether everything is as it should be. Each thing that is not comes with its mend; exit status 1 then."""
    from deploy import doctor as the_doctor

    findings = run(the_doctor.look(settings, Clock()))
    click.echo(the_doctor.as_json(findings) if as_json else the_doctor.as_text(findings))
    if not the_doctor.is_well(findings):
        sys.exit(1)


@main.group()
def coordinator() -> None:
    """The people who look after this instance."""


@coordinator.command()
@click.option("--name", required=True, help="What they like to be called.")
@click.option("--matrix-id", required=True, help="Their Matrix ID, for example @ada:example.org.")
@with_settings
def add(name: str, matrix_id: str, settings: Path) -> None:
    """Add a coordinator and print their one-time sign-in link."""
    from deploy import commands

    click.echo(run(commands.add_coordinator(settings, name=name, matrix_id=matrix_id, clock=Clock())))
    click.echo(LINK_WORDS, err=True)


@coordinator.command("link")
@click.option("--matrix-id", required=True, help="The Matrix ID they were added with.")
@with_settings
def new_link(matrix_id: str, settings: Path) -> None:
    """Print a new one-time sign-in link."""
    from deploy import commands

    click.echo(run(commands.new_link(settings, matrix_id=matrix_id, clock=Clock())))
    click.echo(LINK_WORDS, err=True)


LINK_WORDS = "It works once and for an hour. Give it to nobody but the person it is for."


class Offsets(click.ParamType[tuple[timedelta, ...]]):
    """Times before a session, as a list with commas."""

    name = "TIMES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[timedelta, ...]:
        from facilitator.settings import parse_offset

        return tuple(parse_offset(part) for part in str(value).split(",") if part.strip())


@main.command()
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=Path(".demo"), show_default=True,
    help="The folder it lives in.",
)  # fmt: skip
@click.option("--panel-port", type=click.IntRange(1, 65535), help="The panel's port; 8700 if it is free.")
@click.option("--homeserver-port", type=click.IntRange(1, 65535), help="The homeserver's port; 8708 if it is free.")
@click.option(
    "--ready-file", type=click.Path(path_type=Path, dir_okay=False),
    help="A file to write, as one JSON object, when everything is ready.",
)  # fmt: skip
@click.option(
    "--reminder-offsets", type=Offsets(), metavar="TIMES", help="When to remind of a session, for example 24h,20min."
)
@click.option("--peer", is_flag=True, help="Let a sample member's strict client join, and print what it decrypts.")
@click.option("--fresh", is_flag=True, help="Delete the earlier demo in that folder first.")
def demo(**wishes: Any) -> None:
    """Try a whole Hearth on this machine. It has a real homeserver and sample people."""
    from deploy import demo as the_demo

    run(the_demo.run(the_demo.Wishes(**wishes), Clock()))


Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


if __name__ == "__main__":
    sys.exit(main())
