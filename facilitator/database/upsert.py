"""Write a row, or over the one that is there, in one statement: two who write the same row at once both succeed."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import Table


async def put(
    db: AsyncSession,
    table: type[Table],
    key: dict[str, Any],
    values: dict[str, Any],
    *,
    again: dict[str, Any] | None = None,
    where: ColumnElement[bool] | None = None,
) -> None:
    """Write a row, or over it; `again`: what changes then, where that is not simply all of `values`; `where`: what has
    to be true of the row that is there."""
    insert = insert_into(db)(table).values(**key, **values)
    await db.execute(insert.on_conflict_do_update(index_elements=list(key), set_=again or values, where=where))


def insert_into(db: AsyncSession) -> Callable[[Any], Any]:
    """The engine's own INSERT, which knows ON CONFLICT."""
    if db.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # a house on SQLite need not load it

        return postgresql.insert
    return sqlite.insert
