"""A group at a glance: what a page about one thing in it needs, in one statement.

Whose it is, is part of the question, and the question is put into words once: most pages of a group ask no more.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import ownership
from facilitator.database.tables import Account, Group, GroupFacilitator, plain
from facilitator.errors import NotFound
from facilitator.ids import AccountId, GroupId
from facilitator.rules.access import Deed, Part


@dataclass(frozen=True)
class Life:
    """Where a group stands in its life. `reachable`: of those who run it, how many have a Matrix ID that is theirs;
    `leads`: whoever looks is a facilitator of it, not a co-facilitator; `left`: the bot is out of its room."""

    state: str
    version: int
    reachable: int
    leads: bool
    closes: datetime | None = None
    kept_by: str | None = None
    closed: datetime | None = None
    left: bool = False


@dataclass(frozen=True)
class Glance:
    id: GroupId
    name: str = field(repr=False)
    purpose: str = field(repr=False)
    language: str
    time_zone: str
    created: datetime
    life: Life


GROUP, RUNS, ACCOUNT = plain(Group).c, plain(GroupFacilitator).c, plain(Account).c
ALSO = plain(GroupFacilitator).alias()
REACHABLE = (
    select(func.count())
    .select_from(ALSO)
    .join(plain(Account), ACCOUNT.id == ALSO.c.account_id)
    .where(ALSO.c.group_id == GROUP.id, ACCOUNT.matrix_id_index.is_not(None), ACCOUNT.disabled.is_(None))
    .correlate(plain(Group))
    .scalar_subquery()
)
OF_GROUP = (
    select(
        GROUP.name, GROUP.purpose, GROUP.language, GROUP.time_zone, GROUP.created, GROUP.state, GROUP.version,
        GROUP.closes, GROUP.room_goes_to, GROUP.closed, GROUP.deleted, RUNS.role, REACHABLE.label("reachable"),
    )
    .join_from(plain(Group), plain(GroupFacilitator), RUNS.group_id == GROUP.id)
    .where(GROUP.id == bindparam("group"), RUNS.account_id == bindparam("by"))
)  # fmt: skip


async def of_group(db: AsyncSession, *, by: AccountId, group_id: GroupId, deed: Deed = Deed.SEE_GROUP) -> Glance:
    """Also of one that is closed, and for a page on which something is asked for: `deed`. Raises NotFound when the
    group is not theirs, or deleted; NotAllowed when that is not theirs to do."""
    row = (await db.execute(OF_GROUP, {"group": group_id, "by": by})).one_or_none()
    if row is None or row.deleted is not None:
        raise NotFound(ownership.UNKNOWN)
    ownership.check(deed, part=row.role)
    life = Life(
        row.state, row.version, row.reachable, leads=row.role == Part.FACILITATOR, closes=row.closes,
        kept_by=row.room_goes_to, closed=row.closed,
    )  # fmt: skip
    return Glance(group_id, row.name, row.purpose, row.language, row.time_zone, row.created, life)
