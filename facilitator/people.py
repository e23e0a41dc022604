"""The accounts of the house as coordinators look after them: added, given a role, let in again, disabled and enabled.

What a coordinator sees of somebody else's groups is how many there are, unless one of them needs a hand-over. The house
always keeps a coordinator: whoever changes that holds the coordinators' rows, so that two who go at once take turns.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import accounts, claims, facilitators, journal, ownership, rooms
from facilitator.database.tables import Account, Group, GroupFacilitator, KeptForm, Link, MatrixClaim, SignIn, plain
from facilitator.errors import N_, Invalid, NotAllowed, NotFound
from facilitator.ids import AccountId, GroupId
from facilitator.rules import user_id
from facilitator.rules.access import Deed, Role

PER_PAGE = 50

NOBODY = N_("There is no such account.")
CHOOSE_ROLE = N_("Choose what they are to be.")
LAST_COORDINATOR = N_("There is always a coordinator. Make somebody else one first.")
NOT_YOURSELF = N_("You cannot disable your own account. Please ask another coordinator.")
DISABLED = N_("This account is disabled. Enable it first.")
OTHER_GROUPS = N_("There are other groups now than were listed before. Please look at the list again.")
WHO_TAKES_OVER = N_("Choose who takes these groups over: each needs a facilitator.")


@dataclass(frozen=True)
class Person:
    """An account as coordinators see it. `groups`: how many it runs; `shared`: the names of those whoever looks runs as
    well."""

    id: AccountId
    name: str = field(repr=False)
    role: str
    linked: bool
    signed_in: datetime | None
    disabled: datetime | None
    groups: int
    myself: bool
    shared: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class PersonPage:
    """One account, with what can be done about it. `alone_in`: groups that would be left without a facilitator;
    `others`: who could take them over. `only_coordinator`: the house has no other."""

    person: Person
    alone_in: tuple[tuple[GroupId, str], ...] = field(repr=False)
    others: tuple[tuple[AccountId, str], ...] = field(repr=False)
    only_coordinator: bool

    def everybody(self) -> tuple[tuple[AccountId, str], ...]:
        """All who have an account that is not disabled, this one included."""
        own = [(self.person.id, self.person.name)] if self.person.disabled is None else []
        return tuple(sorted((*own, *self.others), key=lambda each: each[1].casefold()))


@dataclass(frozen=True)
class People:
    """One page of the accounts, of `pages` in all, by name, those that are disabled last."""

    lines: tuple[Person, ...]
    page: int
    pages: int


async def all_of_them(db: AsyncSession, *, by: AccountId, page: int = 1) -> People:
    """Raises NotAllowed. Its number of statements does not depend on how many there are."""
    await ownership.in_the_house(db, by=by, deed=Deed.SEE_ACCOUNTS)
    known = (await db.scalars(select(Account))).all()
    by_name = sorted(known, key=lambda each: (each.disabled is not None, each.name.casefold(), each.id))
    pages = max(-(-len(by_name) // PER_PAGE), 1)
    page = min(max(page, 1), pages)
    shown = by_name[(page - 1) * PER_PAGE : page * PER_PAGE]
    counts = await _counts(db, [each.id for each in shown])
    return People(tuple(_person(each, counts.get(each.id, 0), by) for each in shown), page, pages)


async def person(db: AsyncSession, *, by: AccountId, account_id: AccountId) -> Person:
    """Raises NotAllowed, NotFound."""
    await ownership.in_the_house(db, by=by, deed=Deed.SEE_ACCOUNTS)
    account, counts = await _find(db, account_id), await _counts(db, [account_id])
    return _person(account, counts.get(account_id, 0), by, await _shared(db, account_id, by))


async def one(db: AsyncSession, *, by: AccountId, account_id: AccountId) -> PersonPage:
    """Also with who could take their place. Raises NotAllowed, NotFound."""
    found = await person(db, by=by, account_id=account_id)
    known = (await db.execute(select(Account.id, Account.name, Account.role).where(Account.disabled.is_(None)))).all()
    coordinators = {id for id, _, role in known if role == Role.COORDINATOR}
    others = sorted(((id, name) for id, name, _ in known if id != account_id), key=lambda each: each[1].casefold())
    return PersonPage(
        found,
        alone_in=tuple(await facilitators.alone_in(db, account_id)),
        others=tuple(others),
        only_coordinator=coordinators == {account_id},
    )


async def add(
    db: AsyncSession, *, by: AccountId, account_id: AccountId, name: str, role: str, matrix_id: str, now: datetime
) -> str | None:
    """Somebody gets an account and a one-time sign-in token. `account_id`: random, made with the form, so that a form
    sent twice adds nobody twice: then None. A Matrix id is only believed: they prove it themselves.

    Raises NotAllowed, Invalid("name" | "role" | "matrix_id").
    """
    await ownership.in_the_house(db, by=by, deed=Deed.ADD_ACCOUNT)
    if await db.get(Account, account_id) is not None:
        return None
    called, wanted = accounts.checked_name(name), _role(role)
    person = user_id.parse(matrix_id) if matrix_id.strip() else None
    if person is not None:
        await accounts.check_free(db, person)
    db.add(Account(id=account_id, role=wanted, name=called, created=now))
    await db.flush()
    await journal.note(db, f"{wanted} account added", actor=by, subject=account_id, now=now)
    if person is not None:
        await claims.suggest(db, account_id, person, now=now)
    return accounts.new_link(db, account_id, now=now)


async def fresh_link(db: AsyncSession, *, by: AccountId, account_id: AccountId, now: datetime) -> str:
    """A new one-time sign-in token; those made before and not used yet die. Raises NotAllowed, NotFound."""
    await ownership.in_the_house(db, by=by, deed=Deed.ISSUE_LINK)
    account = await _find(db, account_id, hold=True)
    if account.disabled is not None:
        raise NotAllowed(DISABLED)
    await db.execute(delete(Link).where(Link.account_id == account_id, Link.used.is_(None)))
    await journal.note(db, "sign-in link made", actor=by, subject=account_id, now=now)
    return accounts.new_link(db, account_id, now=now)


async def change_role(db: AsyncSession, *, by: AccountId, account_id: AccountId, role: str, now: datetime) -> None:
    """Raises NotAllowed, NotFound, Invalid("role") also when it would leave the house without a coordinator."""
    coordinators = await _hold_coordinators(db)
    await ownership.in_the_house(db, by=by, deed=Deed.CHANGE_ACCOUNT)
    account, wanted = await _find(db, account_id, hold=True), _role(role)
    if account.role == wanted:
        return
    if wanted != Role.COORDINATOR and coordinators <= {account_id}:
        raise Invalid("role", LAST_COORDINATOR)
    account.role = wanted
    await journal.note(db, f"role changed to {wanted}", actor=by, subject=account_id, now=now)


async def disable(
    db: AsyncSession,
    *,
    by: AccountId,
    account_id: AccountId,
    successor: str = "",
    shown: Collection[str] | None = None,
    now: datetime,
) -> None:
    """They are out at once: sign-ins, links and whatever they had begun end here. Groups they were the last facilitator
    of are handed over to `successor`, who was asked for those that were `shown`. Raises NotAllowed, NotFound,
    Invalid("successor")."""
    await _hold_coordinators(db)
    chosen = await facilitators.hold_account(db, successor) if successor else None
    await ownership.in_the_house(db, by=by, deed=Deed.CHANGE_ACCOUNT)
    account = await _find(db, account_id, hold=True)
    if account_id == by:
        raise NotAllowed(NOT_YOURSELF)
    if account.disabled is not None:
        return
    alone_in = await facilitators.alone_in(db, account_id, hold=True)
    if alone_in and (chosen is None or chosen.id == account_id):
        raise Invalid("successor", WHO_TAKES_OVER)
    if shown is not None and not {group_id for group_id, _ in alone_in} <= set(shown):
        raise Invalid("successor", OTHER_GROUPS)
    for group_id, _ in alone_in:
        assert chosen is not None
        await facilitators.hand_over(db, group_id, chosen, by=by, now=now)
    account.disabled = now
    for table in (SignIn, Link, MatrixClaim, KeptForm):
        await db.execute(delete(table).where(table.account_id == account_id))
    await journal.note(db, "account disabled", actor=by, subject=account_id, now=now)
    await rooms.run_by_changed(db, account_id)


async def enable(db: AsyncSession, *, by: AccountId, account_id: AccountId, now: datetime) -> None:
    """They may be let in again: with a new link, since the old ones are dead. Raises NotAllowed, NotFound."""
    await ownership.in_the_house(db, by=by, deed=Deed.CHANGE_ACCOUNT)
    account = await _find(db, account_id, hold=True)
    if account.disabled is None:
        return
    account.disabled = None
    await journal.note(db, "account enabled", actor=by, subject=account_id, now=now)
    await rooms.run_by_changed(db, account_id)


async def _find(db: AsyncSession, account_id: AccountId, *, hold: bool = False) -> Account:
    found = select(Account).where(Account.id == account_id).execution_options(populate_existing=True)
    account = await db.scalar(found.with_for_update(key_share=True) if hold else found)
    if account is None:
        raise NotFound(NOBODY)
    return account


async def _hold_coordinators(db: AsyncSession) -> set[AccountId]:
    held = select(Account.id).where(Account.role == Role.COORDINATOR, Account.disabled.is_(None)).order_by(Account.id)
    return set(await db.scalars(held.with_for_update(key_share=True)))


GROUP, RUNS = plain(Group).c, plain(GroupFacilitator).c
COUNTS = (
    select(RUNS.account_id, func.count())
    .join_from(plain(GroupFacilitator), plain(Group), GROUP.id == RUNS.group_id)
    .where(RUNS.account_id.in_(bindparam("accounts", expanding=True)), GROUP.closed.is_(None), GROUP.deleted.is_(None))
    .group_by(RUNS.account_id)
)
ALSO_RUNS = plain(GroupFacilitator).alias()
SHARED = (
    select(GROUP.name)
    .join_from(plain(GroupFacilitator), plain(Group), GROUP.id == RUNS.group_id)
    .join(ALSO_RUNS, and_(ALSO_RUNS.c.group_id == GROUP.id, ALSO_RUNS.c.account_id == bindparam("by")))
    .where(RUNS.account_id == bindparam("account"), GROUP.closed.is_(None), GROUP.deleted.is_(None))
)


async def _counts(db: AsyncSession, ids: Collection[AccountId]) -> dict[AccountId, int]:
    return dict((await db.execute(COUNTS, {"accounts": list(ids)})).all())


async def _shared(db: AsyncSession, account_id: AccountId, by: AccountId) -> tuple[str, ...]:
    names = await db.scalars(SHARED, {"account": account_id, "by": by})
    return tuple(sorted(names, key=str.casefold))


def _person(account: Account, groups: int, by: AccountId, shared: tuple[str, ...] = ()) -> Person:
    return Person(
        account.id,
        account.name,
        account.role,
        linked=account.matrix_id_index is not None,
        signed_in=account.signed_in,
        disabled=account.disabled,
        groups=groups,
        myself=account.id == by,
        shared=shared,
    )


def _role(role: str) -> Role:
    if role not in list(Role):
        raise Invalid("role", CHOOSE_ROLE)
    return Role(role)
