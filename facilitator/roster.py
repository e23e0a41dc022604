"""The members of a group as its page lists them: how each stands with it, and what became of their invitation.

Of very many people, so columns are read, not rows, and the question is put into words once.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import missing
from facilitator.database.tables import Account, Member, MembershipSighting, Room, plain
from facilitator.encryption_health import Healths
from facilitator.ids import GroupId, MemberId, UserId
from facilitator.rules.reach import Health

MEMBER, ROOM, SEEN, ACCOUNT = plain(Member).c, plain(Room).c, plain(MembershipSighting).c, plain(Account).c
HAS_ACCOUNT = exists().where(ACCOUNT.matrix_id_index == MEMBER.matrix_id_index).correlate(plain(Member))
OF_GROUP = (
    select(
        MEMBER.id, MEMBER.matrix_id, MEMBER.matrix_id_index, MEMBER.standing, MEMBER.since,
        (SEEN.invitation == MEMBER.invitation).label("of_this_invitation"),
        SEEN.membership, SEEN.trouble, SEEN.next_try, SEEN.missing,
        HAS_ACCOUNT.label("has_account"),
    )
    .select_from(plain(Member))
    .outerjoin(plain(Room), and_(ROOM.group_id == MEMBER.group_id, ROOM.kind == "group"))
    .outerjoin(
        plain(MembershipSighting), and_(SEEN.room_id == ROOM.id, SEEN.person_index == MEMBER.matrix_id_index)
    )
    .where(MEMBER.group_id == bindparam("group"))
)  # fmt: skip
ONE = OF_GROUP.where(MEMBER.id == bindparam("member"))


@dataclass(frozen=True)
class MemberLine:
    """A member as the roster shows them. `reached`: their invitation is on Matrix; `trouble`: why it could not go.
    `health`: whether they and the bot can read each other in the room, and since when it is as it is. `gone`: since
    when they are not in the room, though nobody heard them leave. `has_account`: they have one of the panel."""

    id: MemberId
    matrix_id: UserId = field(repr=False)
    standing: str
    since: datetime
    reached: bool
    trouble: str | None
    next_try: datetime | None
    health: Health | None = None
    health_since: datetime | None = None
    gone: datetime | None = None
    has_account: bool = False


async def of_group(db: AsyncSession, group_id: GroupId, *, healths: Healths | None = None) -> tuple[MemberLine, ...]:
    """By Matrix id."""
    rows = await db.execute(OF_GROUP, {"group": group_id})
    lines = (_line(row, (healths or {}).get(row.matrix_id_index)) for row in rows)
    return tuple(sorted(lines, key=lambda line: line.matrix_id))


async def one(db: AsyncSession, group_id: GroupId, member_id: MemberId) -> MemberLine | None:
    """Without their health."""
    row = (await db.execute(ONE, {"group": group_id, "member": member_id})).one_or_none()
    return None if row is None else _line(row, None)


def _line(row: Row[Any], health: tuple[Health, datetime] | None) -> MemberLine:
    """Whoever is not in the room cannot be judged by what they read there."""
    gone = missing.is_gone(row.standing, row.membership)
    stands = health if health is not None and row.standing == "joined" and not gone else (None, None)
    ours = row.of_this_invitation and row.standing == "invited"
    return MemberLine(
        id=row.id,
        matrix_id=row.matrix_id,
        standing=row.standing,
        since=row.since,
        reached=row.membership in ("invite", "join"),
        trouble=row.trouble if ours else None,
        next_try=row.next_try if ours else None,
        health=stands[0],
        health_since=stands[1],
        gone=row.missing if gone else None,
        has_account=row.has_account,
    )
