"""One's own account: what one is called, the language and the place one lives by, and the browsers one is signed in on.
Nobody else changes these."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import accounts, bots, claims, journal, schedule
from facilitator.database.tables import Account, Link, SignIn
from facilitator.errors import N_, Invalid
from facilitator.ids import AccountId, UserId

LONGEST_LANGUAGE = 12

CHOOSE_LANGUAGE = N_("Choose your language from the list.")


@dataclass(frozen=True)
class Browser:
    """Where one is signed in: the family of the browser and when, nothing finer. `this`: the one that asks."""

    family: str
    since: datetime
    last_seen: datetime
    this: bool


@dataclass(frozen=True)
class Own:
    """One's own account. `claim`: a Matrix id one is about to link; `suggested`: what stands in the form for it."""

    name: str = field(repr=False)
    role: str
    language: str | None
    time_zone: str | None
    matrix_id: UserId | None = field(repr=False)
    browsers: tuple[Browser, ...]
    claim: claims.Open | None = field(repr=False)
    suggested: UserId | None = field(repr=False)
    bots: tuple[UserId, ...] = field(repr=False)


async def own(db: AsyncSession, *, by: AccountId, cookie_token: str, now: datetime) -> Own:
    account = await db.get_one(Account, by)
    return Own(
        account.name,
        account.role,
        account.language,
        account.time_zone,
        account.matrix_id,
        await _browsers(db, by, cookie_token, now=now),
        claim=await claims.open_of(db, by, now=now),
        suggested=await claims.suggested(db, by),
        bots=tuple(sorted(await bots.ours(db))),
    )


async def change(
    db: AsyncSession, *, by: AccountId, name: str, language: str | None, time_zone: str | None, now: datetime
) -> None:
    """`language`, `time_zone`: None where the browser's and the groups' are good enough. Raises Invalid."""
    account, called = await db.get_one(Account, by), accounts.checked_name(name)
    if language is not None and not _may_be_language(language):
        raise Invalid("language", CHOOSE_LANGUAGE)
    if time_zone is not None:
        schedule.check_zone(time_zone)
    account.name, account.language, account.time_zone = called, language, time_zone
    await journal.note(db, "own account changed", actor=by, subject=by, now=now)


async def sign_out_elsewhere(db: AsyncSession, *, by: AccountId, cookie_token: str, now: datetime) -> None:
    """Every other browser is signed out at once, and no link made before lets anybody in."""
    await db.execute(delete(SignIn).where(SignIn.account_id == by, SignIn.token_hash != accounts.digest(cookie_token)))
    await db.execute(delete(Link).where(Link.account_id == by, Link.used.is_(None)))
    await journal.note(db, "signed out everywhere else", actor=by, subject=by, now=now)


async def _browsers(db: AsyncSession, by: AccountId, cookie_token: str, *, now: datetime) -> tuple[Browser, ...]:
    rows = await db.execute(
        select(SignIn.browser, SignIn.created, SignIn.last_seen, SignIn.token_hash)
        .where(
            SignIn.account_id == by,
            SignIn.last_seen > now - accounts.IDLE,
            SignIn.created > now - accounts.ABSOLUTE,
        )
        .order_by(SignIn.last_seen.desc())
    )
    this = accounts.digest(cookie_token)
    return tuple(Browser(family, since, seen, token == this) for family, since, seen, token in rows)


def _may_be_language(code: str) -> bool:
    return code.isascii() and code.replace("-", "").isalpha() and len(code) <= LONGEST_LANGUAGE
