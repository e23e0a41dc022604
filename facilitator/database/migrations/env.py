"""What Alembic runs: always on a connection and in a transaction of ours, so that a migration is all or nothing."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from facilitator.database.tables import Table
from facilitator.database.types import Blind, Json, LocalDateTime, Sealed, UtcDateTime

PLAIN = {
    UtcDateTime: "UTC",
    Sealed: "sa.LargeBinary()",
    Blind: "sa.Text()",
    Json: "sa.Text()",
    LocalDateTime: "sa.Text()",
}


def plainly(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Migrations name plain types: they must mean the same for ever, whatever becomes of ours."""
    if kind == "type":
        return next((plain for ours, plain in PLAIN.items() if isinstance(item, ours)), False)
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    render_as_batch=True,  # SQLite alters little: a table is rebuilt instead
    render_item=plainly,
    transactional_ddl=True,
)
context.run_migrations()
