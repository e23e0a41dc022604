"""Is the schema this code's, and how it becomes so: Alembic from our own connection, all or nothing.

Both services refuse to start on a schema that is not theirs; only `hearth migrate` changes it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from facilitator.database import sqlite
from facilitator.errors import Misconfigured

if TYPE_CHECKING:
    from alembic.config import Config  # ten MiB that only an upgrade needs

MIGRATIONS = Path(__file__).parent / "migrations"
REVISION = re.compile(r"""^revision\b[^=]*=\s*["'](\w+)""", re.MULTILINE)
BEFORE = re.compile(r"""^down_revision\b[^=]*=\s*["'](\w+)""", re.MULTILINE)
ONE_AT_A_TIME = 4_761_726_874  # any number, the same for every upgrade


class DanglingRows(Exception):
    """A migration is wrong; nothing of it was kept."""


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade did. `before` is None for a new database; `copy` is the file as it was, where one was made."""

    before: str | None
    after: str
    copy: Path | None = None

    @property
    def changed(self) -> bool:
        return self.before != self.after


def config() -> "Config":
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


@cache
def revisions(folder: Path) -> tuple[str, ...]:
    """All that this code knows, the latest first. Read once: services ask again and again whether they are ready."""
    texts = [file.read_text() for file in sorted((folder / "versions").glob("*.py"))]
    named = [(REVISION.search(written), BEFORE.search(written)) for written in texts]
    before = {name[1]: earlier[1] if earlier else None for name, earlier in named if name}
    found: tuple[str, ...] = ()
    while latest := next((name for name in before if name not in before.values()), None):
        found += (latest,)
        del before[latest]
    if not found:
        raise Misconfigured("This installation of Hearth is incomplete, its migrations are missing: install it again.")
    return found


def head() -> str:
    return revisions(MIGRATIONS)[0]


def current(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def check(connection: Connection) -> None:
    """Misconfigured unless the schema is exactly the one this code was written for."""
    found = current(connection)
    if found is None:
        raise Misconfigured("The database is empty: run `hearth migrate` once.")
    refuse_newer(found)
    if found != head():
        raise Misconfigured("The database is of an older version of Hearth: run `hearth migrate`.")


def refuse_newer(found: str | None) -> None:
    if found is not None and found not in revisions(MIGRATIONS):
        raise Misconfigured(
            "The database was written by a newer version of Hearth: "
            "install that version, or put back the copy made before its upgrade."
        )


def upgrade(connection: Connection, file: Path | None) -> Upgrade:
    """Bring the schema to this code's, within the caller's transaction. `file` (SQLite) is copied first, if there
    is something in it to lose."""
    if file is None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ONE_AT_A_TIME})
    before = current(connection)
    refuse_newer(before)
    if before == head():
        return Upgrade(before, before)
    from alembic import command

    copied = None
    if file is not None and before is not None:
        copied = file.with_name(f"{file.name}.before-{head()}")
        sqlite.copy(file, copied)
    run(connection, command.upgrade, head())
    return Upgrade(before, head(), copied)


def run(connection: Connection, direction: Callable[["Config", str], None], revision: str) -> None:
    """Up or down (Alembic's command) to a revision, foreign keys whole at the end."""
    settings = config()
    settings.attributes["connection"] = connection
    direction(settings, revision)
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise DanglingRows(f"Revision {revision} would leave rows without what they refer to.")
