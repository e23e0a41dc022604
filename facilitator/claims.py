"""Whose Matrix id it is: somebody of the panel says it is theirs, and says a code to the bot from there.

Changing it takes both ends, so that neither a stolen sign-in nor a stolen Matrix account is enough to become somebody
who runs groups; a coordinator frees whoever has lost the old one, and that is written down.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import bots, journal, outbox, ownership, rooms, strangers
from facilitator.database.tables import Account, GroupFacilitator, JournalEntry, MatrixClaim
from facilitator.errors import N_, Invalid, NotAllowed, NotFound
from facilitator.ids import AccountId, UserId, because, new_id
from facilitator.rules import allowed_servers, user_id
from facilitator.rules.access import Deed
from facilitator.rules.allowed_servers import Allowed

LETTERS = "bcdfghjkmnpqrstvwxyz"
"""One keyboard of a phone, nothing that looks like something else, and no vowels: no code is a word."""
LENGTH = 10
"""Of twenty letters: 43 bits."""
CODE_LASTS = timedelta(minutes=30)
MOST_TRIES = 5
MOST_CLAIMS, WITHIN = 5, timedelta(hours=1)
"""Each asks somebody into a room with the bot: nobody is to be bothered by it."""
LIKE_A_CODE = re.compile(rf"(?<![a-z])[{LETTERS}](?:[ \t.\-‐‑–—]?[{LETTERS}]){{{LENGTH - 2},{LENGTH + 1}}}(?![a-z])")

OURS = N_("This is the bot's own Matrix ID. Give the one you use yourself.")
TAKEN = N_("Another account of this panel has this Matrix ID.")
YOURS_ALREADY = N_("This is your Matrix ID already.")
TOO_OFTEN = N_("You have asked for several codes within the hour. Please wait a little before you ask for another.")
NOBODY = N_("There is no such account.")
NOT_YOURSELF = N_("You cannot free your own account. Please ask another coordinator.")
NOT_LINKED = N_("No Matrix ID is linked to this account.")
SAY_WHY = N_("Say in a few words how you know that it is them, up to 300 letters. It is kept in the journal.")


class Outcome(Enum):
    """What came of a code said to the bot."""

    PROVEN = "it was right, and the Matrix id is linked now"
    WAITING_FOR_OTHER = "it was right; the other Matrix id has to say it too"
    WRONG = "it was not the code, and may be tried again"
    EXPIRED = "it is too late, or was wrong too often: a new code has to be asked for in the panel"
    NONE = "nobody waits for a code from this Matrix id"


@dataclass(frozen=True)
class Open:
    """A claim as its owner sees it: which ends have said the code. `has_old`: there is another end at all."""

    matrix_id: UserId = field(repr=False)
    expires: datetime
    proven: bool
    agreed: bool
    has_old: bool


async def claim(db: AsyncSession, *, by: AccountId, matrix_id: str, now: datetime, allowed: Allowed = None) -> str:
    """Begin to link a Matrix id, instead of whatever was begun before. Returns the code to be said to the bot from
    there, and from the one linked until now. Only its blind index is kept.

    Raises Invalid("matrix_id") when the id cannot be used, is the bot's or another account's.
    """
    account, person = await _account(db, by), user_id.parse(matrix_id)
    await _check(db, account, person, allowed)
    if await _claims_lately(db, by, now) >= MOST_CLAIMS:
        raise Invalid("matrix_id", TOO_OFTEN)
    await db.execute(delete(MatrixClaim).where(MatrixClaim.account_id == by))
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    _begin(db, by, person, code, now=now, expires=now + CODE_LASTS)
    await journal.note(db, "matrix id claimed", actor=by, subject=by, now=now)
    await _ask(db, person, now=now)
    if account.matrix_id is not None:
        await _ask(db, account.matrix_id, now=now, is_old=True)
    return spaced(code)


async def suggest(db: AsyncSession, account_id: AccountId, person: UserId, *, now: datetime) -> None:
    """Whoever made the account believes this is their Matrix id: it stands in the form already when they come. It
    proves nothing, and nobody is asked into a room for it."""
    _begin(db, account_id, person, secrets.token_hex(16), now=now, expires=now)
    await db.flush()


async def said(db: AsyncSession, *, person: UserId, code: str, now: datetime) -> Outcome:
    """A code was said to the bot, alone with it, from a device that is bound to this Matrix id. One transaction of it
    counts: whoever says both ends at once takes turns."""
    rows = await db.execute(
        select(MatrixClaim, Account, _is(code))
        .join(Account, Account.id == MatrixClaim.account_id)
        .where(
            Account.disabled.is_(None),
            or_(MatrixClaim.matrix_id_index == person, Account.matrix_id_index == person),
        )
        .with_for_update()
    )
    claims = [row for row in rows if row[0].expires > row[0].created]  # not one that was only suggested
    if not claims:
        return Outcome.NONE
    still = [row for row in claims if row[0].expires > now and row[0].tries < MOST_TRIES]
    for found, account, right in still:
        if right:
            return await _right(db, found, account, person, now=now)
    for found, _, _ in still:
        found.tries += 1
    again = any(found.tries < MOST_TRIES for found, _, _ in still)
    return Outcome.WRONG if again else Outcome.EXPIRED


def code_in(text: str) -> str | None:
    """What may be meant as a code in a message: about as many letters as one has, in groups or not, whatever stands
    around it. None: the message is about something else."""
    found = LIKE_A_CODE.search(text.casefold())
    return None if found is None else found.group()


def spaced(code: str) -> str:
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


async def open_of(db: AsyncSession, account_id: AccountId, *, now: datetime) -> Open | None:
    """The claim somebody has begun, as long as the code can still be said."""
    account, found = await _account(db, account_id), await db.get(MatrixClaim, account_id)
    if found is None or found.expires <= now or found.tries >= MOST_TRIES:
        return None
    return Open(
        found.matrix_id,
        found.expires,
        proven=found.proven is not None,
        agreed=found.agreed is not None,
        has_old=account.matrix_id is not None,
    )


async def suggested(db: AsyncSession, account_id: AccountId) -> UserId | None:
    """The Matrix id that stands in the form: the last one that was claimed or suggested."""
    return await db.scalar(select(MatrixClaim.matrix_id).where(MatrixClaim.account_id == account_id))


async def drop(db: AsyncSession, *, by: AccountId, now: datetime) -> None:
    """They do not want it any more."""
    gone = delete(MatrixClaim).where(MatrixClaim.account_id == by).returning(MatrixClaim.account_id)
    if await db.scalar(gone) is not None:
        await journal.note(db, "matrix id claim dropped", actor=by, subject=by, now=now)


async def free(db: AsyncSession, *, by: AccountId, account_id: AccountId, reason: str, now: datetime) -> None:
    """Unlink the Matrix id of somebody who has lost it, so that their new one alone is enough. `by`: a coordinator.

    Raises NotFound, NotAllowed for one's own account, Invalid("reason").
    """
    await ownership.in_the_house(db, by=by, deed=Deed.FREE_MATRIX_ID)
    account = await _account(db, account_id)
    if account_id == by:
        raise NotAllowed(NOT_YOURSELF)
    if account.matrix_id is None:
        raise NotFound(NOT_LINKED)
    reason = journal.why(reason, SAY_WHY)
    await journal.note(db, "matrix id freed", actor=by, subject=account_id, reason=reason, now=now)
    await _link(db, account, None, now=now)
    waiting = await db.get(MatrixClaim, account_id)
    if waiting is not None and waiting.proven is not None and waiting.expires > now:
        await _finish(db, waiting, account, now=now)


async def _right(db: AsyncSession, found: MatrixClaim, account: Account, person: UserId, *, now: datetime) -> Outcome:
    if person == found.matrix_id:
        found.proven = found.proven or now
    else:
        found.agreed = found.agreed or now
    if found.proven is None or (account.matrix_id is not None and found.agreed is None):
        await journal.note(db, "matrix id code said", actor=account.id, subject=account.id, now=now)
        return Outcome.WAITING_FOR_OTHER
    return await _finish(db, found, account, now=now)


async def _finish(db: AsyncSession, found: MatrixClaim, account: Account, *, now: datetime) -> Outcome:
    """Somebody else may have linked it meanwhile: then there is nothing to say a code for."""
    person = found.matrix_id
    await db.delete(found)
    if await bots.is_ours(db, person) or await _is_anothers(db, account.id, person):
        return Outcome.NONE
    await _link(db, account, person, now=now)
    await db.execute(delete(MatrixClaim).where(MatrixClaim.matrix_id_index == person))
    await journal.note(db, "matrix id linked", actor=account.id, subject=account.id, now=now)
    return Outcome.PROVEN


async def _link(db: AsyncSession, account: Account, person: UserId | None, *, now: datetime) -> None:
    """In the rooms of their groups the new id takes the place of the old one."""
    old, account.matrix_id, account.matrix_id_index = account.matrix_id, person, person
    await db.flush()
    theirs = select(GroupFacilitator.group_id).where(GroupFacilitator.account_id == account.id)
    for group_id in (await db.scalars(theirs)).all():
        if old is not None:
            await strangers.place_is_gone(db, group_id, old, now=now)
        if person is not None:
            await rooms.ask_in(db, group_id, person)
            await strangers.asked_in(db, group_id, person)
        await rooms.group_changed(db, group_id)


async def _ask(db: AsyncSession, person: UserId, *, now: datetime, is_old: bool = False) -> None:
    """Ask them into the room of the two of them, and there for the code."""
    alone = await rooms.direct_with(db, person, now=now)
    await rooms.offer_direct(db, alone)
    await outbox.put(
        db, because("code asked for", new_id()), alone,
        utterance="other_matrix_id" if is_old else "matrix_id_claimed", parameters={},
        priority=outbox.Priority.SAFETY, now=now, not_after=now + CODE_LASTS,
    )  # fmt: skip


async def _account(db: AsyncSession, account_id: AccountId) -> Account:
    found = await db.get(Account, account_id)
    if found is None:
        raise NotFound(NOBODY)
    return found


async def _check(db: AsyncSession, account: Account, person: UserId, allowed: Allowed) -> None:
    allowed_servers.check(person, allowed, ours=await bots.ours(db))
    if await bots.is_ours(db, person):
        raise Invalid("matrix_id", OURS)
    if account.matrix_id == person:
        raise Invalid("matrix_id", YOURS_ALREADY)
    if await _is_anothers(db, account.id, person):
        raise Invalid("matrix_id", TAKEN)


async def _is_anothers(db: AsyncSession, account_id: AccountId, person: UserId) -> bool:
    found = select(Account.id).where(Account.matrix_id_index == person, Account.id != account_id)
    return await db.scalar(found) is not None


async def _claims_lately(db: AsyncSession, account_id: AccountId, now: datetime) -> int:
    lately = select(func.count()).where(
        JournalEntry.at > now - WITHIN, JournalEntry.verb == "matrix id claimed", JournalEntry.actor == account_id
    )
    return await db.scalar(lately) or 0


def _begin(
    db: AsyncSession, account_id: AccountId, person: UserId, code: str, *, now: datetime, expires: datetime
) -> None:
    db.add(
        MatrixClaim(
            account_id=account_id, matrix_id=person, matrix_id_index=person, code_hash=code, created=now,
            expires=expires,
        )
    )  # fmt: skip


def _is(code: str) -> ColumnElement[bool]:
    bare = "".join(letter for letter in code.casefold() if letter in LETTERS)
    return MatrixClaim.code_hash == bare
