"""Who runs a group: facilitators and co-facilitators, asked to, changed, leaving, handing over.

A group never loses its last facilitator: whoever would be the last one out names somebody first. Two who go at once
take turns, because whoever changes who runs a group holds that group's row; accounts are held before groups, so that
nobody waits in a circle.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from facilitator import journal, ownership, rooms, strangers
from facilitator.database.tables import Account, Group, GroupFacilitator
from facilitator.errors import N_, Invalid, NotFound
from facilitator.ids import AccountId, GroupId
from facilitator.rules.access import Deed, Part, may

CHOOSE = N_("Choose somebody from the list.")
CHOOSE_PART = N_("Choose what they are to be in the group.")
RUNS_IT_ALREADY = N_("This person runs the group already.")
NOT_ONE = N_("This person does not run the group, or no longer does.")
LAST_ONE = N_("A group always has a facilitator. Make somebody else one first.")
NAME_SOMEBODY = N_("You are the only facilitator. Choose who takes the group over from you.")
NOT_ONESELF = N_("To stop running the group yourself, use “Leave this group”.")
SAY_WHY = N_("Say in a few words why, up to 300 letters. It is kept in the group's journal.")
HAS_SOMEBODY = N_("There is no such group without a facilitator.")


@dataclass(frozen=True)
class Facilitator:
    """One of those who run a group. `linked`: a Matrix id is proven to be theirs; `resting`: their account is disabled
    for now."""

    id: AccountId
    name: str = field(repr=False)
    part: str
    linked: bool
    resting: bool
    myself: bool


@dataclass(frozen=True)
class Helm:
    """Who runs a group, and whom whoever looks could ask to. `may_change`: they may change it; `only_one`: they are the
    last facilitator it has; `unlinked`: of all these, whoever has no Matrix id yet and so can be in no room."""

    group_id: GroupId
    group_name: str = field(repr=False)
    people: tuple[Facilitator, ...]
    others: tuple[tuple[AccountId, str], ...] = field(repr=False)
    may_change: bool
    only_one: bool
    unlinked: frozenset[AccountId] = frozenset()

    def one(self, account_id: str) -> Facilitator:
        """Raises NotFound."""
        for each in self.people:
            if each.id == account_id:
                return each
        raise NotFound(NOT_ONE)

    def successors(self) -> list[tuple[AccountId, str]]:
        """Who could take the group over from whoever looks: first those who help to run it."""
        helping = [(each.id, each.name) for each in self.people if not each.myself and not each.resting]
        return [*helping, *self.others]


async def of_group(db: AsyncSession, *, by: AccountId, group_id: GroupId, also_closed: bool = False) -> Helm:
    """Raises NotFound when the group is not theirs, TooLate when it is closed and that is not asked for."""
    group = await ownership.group(db, by=by, group_id=group_id, also_closed=also_closed)
    rows = await db.execute(
        select(Account.id, Account.name, Account.disabled, Account.matrix_id_index, GroupFacilitator.role).outerjoin(
            GroupFacilitator,
            (GroupFacilitator.account_id == Account.id) & (GroupFacilitator.group_id == group_id),
        )
    )
    known = sorted(rows, key=lambda row: (row[1].casefold(), row[0]))
    people = tuple(
        Facilitator(id, name, part, index is not None, disabled is not None, id == by)
        for id, name, disabled, index, part in known
        if part is not None
    )
    mine = next(each.part for each in people if each.myself)
    leading = [each for each in people if each.part == Part.FACILITATOR and not each.resting]
    return Helm(
        group_id,
        group.name,
        people,
        others=tuple((id, name) for id, name, disabled, _, part in known if part is None and disabled is None),
        may_change=may(Deed.CHANGE_FACILITATORS, part=mine),
        only_one=[each.id for each in leading] == [by],
        unlinked=frozenset(id for id, _, _, index, _ in known if index is None),
    )


async def add(db: AsyncSession, *, by: AccountId, group_id: GroupId, account_id: str, part: str, now: datetime) -> None:
    """Somebody of the house runs the group too. Raises NotFound, NotAllowed, Invalid("account" | "part")."""
    chosen = await _chosen(db, account_id, field="account")
    await _hold(db, [group_id])
    await ownership.group(db, by=by, group_id=group_id, deed=Deed.CHANGE_FACILITATORS)
    wanted = _part(part)
    if await _row(db, group_id, chosen.id) is not None:
        raise Invalid("account", RUNS_IT_ALREADY)
    await _put_in(db, group_id, chosen, wanted, now=now)
    await journal.note(db, f"{wanted} added", actor=by, group_id=group_id, subject=chosen.id, now=now)


async def change_part(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, account_id: str, part: str, now: datetime
) -> None:
    """Raises NotFound, NotAllowed, Invalid("part") also when it would leave the group without a facilitator."""
    await _hold(db, [group_id])
    await ownership.group(db, by=by, group_id=group_id, deed=Deed.CHANGE_FACILITATORS)
    wanted, row = _part(part), await _row(db, group_id, account_id)
    if row is None:
        raise NotFound(NOT_ONE)
    if wanted is not Part.FACILITATOR and not await _another(db, group_id, but=row.account_id):
        raise Invalid("part", LAST_ONE)
    if row.role != wanted:
        row.role = wanted
        await journal.note(db, f"made {wanted}", actor=by, group_id=group_id, subject=row.account_id, now=now)


async def remove(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, account_id: str, reason: str, now: datetime
) -> None:
    """Somebody else does not run the group any more. Raises NotFound, NotAllowed, Invalid("reason")."""
    await _hold(db, [group_id])
    await ownership.group(db, by=by, group_id=group_id, deed=Deed.CHANGE_FACILITATORS)
    row = await _row(db, group_id, account_id)
    if row is None:
        raise NotFound(NOT_ONE)
    if row.account_id == by:
        raise Invalid("reason", NOT_ONESELF)
    reason = journal.why(reason, SAY_WHY)
    await _put_out(db, row, now=now)
    await journal.note(
        db, "facilitator removed", actor=by, group_id=group_id, subject=row.account_id, reason=reason, now=now
    )


async def leave(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, successor: str | None = None, now: datetime
) -> None:
    """They stop running the group; the last facilitator hands it over to somebody, who is one from then on.

    Raises NotFound, NotAllowed when a co-facilitator names somebody, Invalid("successor").
    """
    chosen = await _chosen(db, successor, field="successor") if successor else None
    await _hold(db, [group_id])
    await ownership.group(db, by=by, group_id=group_id, deed=Deed.STOP_RUNNING, also_closed=True)
    row = await _row(db, group_id, by)
    assert row is not None
    if chosen is not None:
        ownership.check(Deed.CHANGE_FACILITATORS, part=row.role)
        if chosen.id == by:
            raise Invalid("successor", NAME_SOMEBODY)
        await hand_over(db, group_id, chosen, by=by, now=now)
    elif row.role == Part.FACILITATOR and not await _another(db, group_id, but=by):
        raise Invalid("successor", NAME_SOMEBODY)
    await _put_out(db, row, now=now)
    await journal.note(db, "stopped running the group", actor=by, group_id=group_id, subject=by, now=now)


async def without(db: AsyncSession, *, by: AccountId) -> list[tuple[GroupId, str]]:
    """Groups whose facilitators are all gone or disabled, by their neutral names; for coordinators. Raises
    NotAllowed."""
    await ownership.in_the_house(db, by=by, deed=Deed.GIVE_AWAY)
    found = await db.execute(WITHOUT)
    return sorted(((id, name) for id, name in found), key=lambda group: (group[1].casefold(), group))


async def give_away(db: AsyncSession, *, by: AccountId, group_id: GroupId, account_id: str, now: datetime) -> None:
    """A group that nobody runs any more gets a facilitator. Raises NotAllowed, NotFound, Invalid("account")."""
    await ownership.in_the_house(db, by=by, deed=Deed.GIVE_AWAY)
    chosen = await _chosen(db, account_id, field="account")
    await _hold(db, [group_id])
    if await db.scalar(select(Group.id).where(Group.id == group_id, _is_there(), ~_run_by_another(None))) is None:
        raise NotFound(HAS_SOMEBODY)
    await hand_over(db, group_id, chosen, by=by, now=now)


async def alone_in(db: AsyncSession, account_id: AccountId, *, hold: bool = False) -> list[tuple[GroupId, str]]:
    """The groups this account is the last facilitator of. `hold`: whoever else changes who runs any of its groups waits
    until this transaction is over."""
    if hold:
        theirs = select(GroupFacilitator.group_id).where(GroupFacilitator.account_id == account_id)
        await _hold(db, (await db.scalars(theirs)).all())
    found = await db.execute(ALONE_IN, {"account": account_id})
    return sorted(((id, name) for id, name in found), key=lambda group: (group[1].casefold(), group))


async def hand_over(db: AsyncSession, group_id: GroupId, to: Account, *, by: AccountId, now: datetime) -> None:
    """Whoever calls this has asked already whether it may be, and holds the group."""
    row = await _row(db, group_id, to.id)
    if row is None:
        await _put_in(db, group_id, to, Part.FACILITATOR, now=now)
    else:
        row.role = Part.FACILITATOR
    await journal.note(db, "group handed over", actor=by, group_id=group_id, subject=to.id, now=now)


async def hold_account(db: AsyncSession, account_id: str) -> Account | None:
    """An account that is not disabled, and will not be before this transaction is over."""
    return await db.scalar(
        select(Account).where(Account.id == account_id, Account.disabled.is_(None)).with_for_update(key_share=True)
    )


async def _chosen(db: AsyncSession, account_id: str, *, field: str) -> Account:
    found = await hold_account(db, account_id)
    if found is None:
        raise Invalid(field, CHOOSE)
    return found


async def _hold(db: AsyncSession, groups: Collection[GroupId]) -> None:
    held = select(Group.id).where(Group.id.in_(groups)).order_by(Group.id).with_for_update(key_share=True)
    (await db.execute(held)).all()


async def _put_in(db: AsyncSession, group_id: GroupId, account: Account, part: Part, *, now: datetime) -> None:
    db.add(GroupFacilitator(group_id=group_id, account_id=account.id, role=part, since=now))
    await db.flush()
    if account.matrix_id is not None:
        await rooms.ask_in(db, group_id, account.matrix_id)
        await strangers.asked_in(db, group_id, account.matrix_id)
    await rooms.group_changed(db, group_id)


async def _put_out(db: AsyncSession, row: GroupFacilitator, *, now: datetime) -> None:
    """Their power and their place in the group's rooms go, unless they are a member of it as well."""
    person = await db.scalar(select(Account.matrix_id).where(Account.id == row.account_id))
    await db.delete(row)
    await db.flush()
    if person is not None:
        await strangers.place_is_gone(db, row.group_id, person, now=now)
    await rooms.group_changed(db, row.group_id)


async def _row(db: AsyncSession, group_id: GroupId, account_id: str) -> GroupFacilitator | None:
    return await db.scalar(
        select(GroupFacilitator)
        .where(GroupFacilitator.group_id == group_id, GroupFacilitator.account_id == account_id)
        .execution_options(populate_existing=True)
    )


async def _another(db: AsyncSession, group_id: GroupId, *, but: AccountId) -> bool:
    """Whether somebody else is a facilitator of it, whose account is not disabled."""
    return await db.scalar(select(Group.id).where(Group.id == group_id, _run_by_another(but))) is not None


def _run_by_another(account_id: AccountId | BindParameter[Any] | None) -> ColumnElement[bool]:
    row, account = aliased(GroupFacilitator), aliased(Account)
    others = select(row.account_id).join(account, account.id == row.account_id)
    found = others.where(row.group_id == Group.id, row.role == Part.FACILITATOR, account.disabled.is_(None))
    return exists(found if account_id is None else found.where(row.account_id != account_id))


def _is_there() -> ColumnElement[bool]:
    """A closed one too: somebody must be able to look at it, and to delete it."""
    return Group.deleted.is_(None)


def _part(part: str) -> Part:
    if part not in list(Part):
        raise Invalid("part", CHOOSE_PART)
    return Part(part)


WITHOUT = select(Group.id, Group.name).where(_is_there(), ~_run_by_another(None))
ALONE_IN = (
    select(Group.id, Group.name)
    .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
    .where(
        GroupFacilitator.account_id == bindparam("account"),
        GroupFacilitator.role == Part.FACILITATOR,
        _is_there(),
        ~_run_by_another(bindparam("account")),
    )
)
"""Both put into words once: they take longer to say than to answer."""
