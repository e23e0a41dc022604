"""Coordinators and facilitators of the panel, and how they prove who they are: one-time links, then a cookie.

Tokens are 256 random bits; only their SHA-256 is kept (OWASP ASVS 5.0.0 6.5.2, 7.2.3).
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import bots, form_tokens, journal
from facilitator.database.tables import Account, JournalEntry, Link, SignIn, plain
from facilitator.errors import N_, Invalid, NotFound, TooLate
from facilitator.ids import AccountId, UserId, new_id
from facilitator.rules import names, user_id
from facilitator.rules.access import Role

LINK_LASTS = timedelta(minutes=60)
IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)
LINK_ASKED, MOST_LINKS_ASKED = "sign-in link asked for", 5
"""Of the bot, within the hour that a link lasts."""
LONGEST_NAME = 80

UNKNOWN_LINK = N_("This sign-in link is not known here. Ask your coordinator for a new one.")
USED_LINK = N_("This sign-in link has been used. Each link works once; ask your coordinator for a new one.")
OLD_LINK = N_("This sign-in link has expired. Links last an hour; ask your coordinator for a new one.")
MANY_LINKS = N_("You have asked for several sign-in links within the hour. Please use the latest, or wait a little.")


@dataclass(frozen=True)
class SignedIn:
    """The account behind a browser's cookie. `form_token` goes into every form of this sign-in; `language` and
    `time_zone` are what they chose themselves."""

    account_id: AccountId
    role: str
    name: str = field(repr=False)
    form_token: str = field(repr=False)
    authenticated: datetime
    last_seen: datetime
    language: str | None = None
    time_zone: str | None = None


ACCOUNT, SIGN_IN = plain(Account).c, plain(SignIn).c
WHO = (
    select(
        ACCOUNT.id, ACCOUNT.role, ACCOUNT.name, SIGN_IN.form_token, SIGN_IN.authenticated, SIGN_IN.last_seen,
        ACCOUNT.language, ACCOUNT.time_zone,
    )
    .join_from(plain(SignIn), plain(Account), ACCOUNT.id == SIGN_IN.account_id)
    .where(
        SIGN_IN.token_hash == bindparam("token_hash"), SIGN_IN.last_seen > bindparam("idle"),
        SIGN_IN.created > bindparam("absolute"), ACCOUNT.disabled.is_(None),
    )
)  # fmt: skip
"""Asked before every page: in words once, since putting it into them takes longer than the answer."""


async def add_coordinator(db: AsyncSession, *, name: str, matrix_id: str, now: datetime) -> AccountId:
    """The word of whoever hosts the house is proof enough that the Matrix id is theirs. Raises Invalid when the name or
    Matrix id cannot be used, or the id is the bot's or has an account already."""
    person, called = user_id.parse(matrix_id), checked_name(name)
    await check_free(db, person)
    account_id = AccountId(new_id())
    db.add(
        Account(
            id=account_id, role=Role.COORDINATOR, name=called, matrix_id=person, matrix_id_index=person, created=now
        )
    )
    await journal.note(db, "account added", actor=account_id, subject=account_id, now=now)
    return account_id


def checked_name(name: str) -> str:
    """What somebody likes to be called, in one line. Raises Invalid."""
    called = " ".join(name.split())
    if names.unprintable(called):
        raise Invalid("name", names.UNPRINTABLE)
    if not 0 < len(called) <= LONGEST_NAME:
        raise Invalid("name", N_("Give a name of 1 to 80 letters. Any name they like to be called is fine."))
    return called


async def check_free(db: AsyncSession, person: UserId) -> None:
    """Raises Invalid("matrix_id") when it is the bot's or has an account already."""
    if await bots.is_ours(db, person):
        raise Invalid("matrix_id", N_("This is the bot's own Matrix ID. Give the one the person uses themselves."))
    if await db.scalar(select(Account.id).where(Account.matrix_id_index == person)):
        raise Invalid("matrix_id", N_("There is an account with this Matrix ID already."))


async def find(db: AsyncSession, matrix_id: str) -> AccountId:
    """The account with this Matrix id. Raises Invalid or NotFound."""
    found = await db.scalar(select(Account.id).where(Account.matrix_id_index == user_id.parse(matrix_id)))
    if found is None:
        raise NotFound(N_("No account has this Matrix ID."))
    return found


async def issue_link(db: AsyncSession, account_id: AccountId, *, now: datetime) -> str:
    """A one-time sign-in token, good for an hour. It is shown once; only its hash is kept."""
    await journal.note(db, "sign-in link made", actor=account_id, subject=account_id, now=now)
    return new_link(db, account_id, now=now)


def new_link(db: AsyncSession, account_id: AccountId, *, now: datetime) -> str:
    """For whoever has asked already whether this may be, and written it down."""
    token = secrets.token_urlsafe(32)
    db.add(Link(token_hash=digest(token), account_id=account_id, created=now, expires=now + LINK_LASTS))
    return token


async def panel_link(db: AsyncSession, *, person: UserId, now: datetime) -> str | None:
    """A fresh one-time token for the account this Matrix id is proven to be of; None when there is none. Raises TooLate
    when several were asked for within the hour."""
    found = select(Account.id).where(Account.matrix_id_index == person, Account.disabled.is_(None))
    account_id = await db.scalar(found.with_for_update())
    if account_id is None:
        return None
    lately = select(func.count()).where(
        JournalEntry.at > now - LINK_LASTS, JournalEntry.verb == LINK_ASKED, JournalEntry.actor == account_id
    )
    if (await db.scalar(lately) or 0) >= MOST_LINKS_ASKED:
        raise TooLate(MANY_LINKS)
    await journal.note(db, LINK_ASKED, actor=account_id, subject=account_id, now=now)
    return new_link(db, account_id, now=now)


async def link_state(db: AsyncSession, token: str, *, now: datetime) -> None:
    """Raises NotFound or TooLate when the link would not sign anybody in. Consumes nothing: previews open links."""
    link = await db.scalar(
        select(Link)
        .join(Account, Account.id == Link.account_id)
        .where(Link.token_hash == digest(token), Account.disabled.is_(None))
    )
    if link is None:
        raise NotFound(UNKNOWN_LINK)
    if link.used is not None:
        raise TooLate(USED_LINK)
    if link.expires <= now:
        raise TooLate(OLD_LINK)


async def redeem_link(db: AsyncSession, token: str, *, browser: str, now: datetime) -> str:
    """Use the link up and sign the browser in: returns the cookie's token. One of several at once wins.

    Raises NotFound or TooLate.
    """
    await link_state(db, token, now=now)
    account_id = await db.scalar(
        update(Link)
        .where(Link.token_hash == digest(token), Link.used.is_(None), Link.expires > now)
        .values(used=now)
        .returning(Link.account_id)
    )
    if account_id is None:
        raise TooLate(USED_LINK)
    await db.execute(update(Account).where(Account.id == account_id).values(signed_in=now))
    await journal.note(db, "signed in", actor=account_id, now=now)
    return await _sign_in(db, account_id, browser=browser, now=now)


async def signed_in(db: AsyncSession, cookie_token: str, *, now: datetime) -> SignedIn | None:
    """Who this cookie belongs to, unless it has been idle for 30 minutes or is 12 hours old."""
    asked = {"token_hash": digest(cookie_token), "idle": now - IDLE, "absolute": now - ABSOLUTE}
    row = (await db.execute(WHO, asked)).one_or_none()
    return None if row is None else SignedIn(*row)


async def seen(db: AsyncSession, cookie_token: str, *, now: datetime) -> None:
    """Note that the browser is in use, at most once a minute."""
    await db.execute(
        update(SignIn)
        .where(SignIn.token_hash == digest(cookie_token), SignIn.last_seen <= now - SEEN_EVERY)
        .values(last_seen=now)
    )


async def sign_out(db: AsyncSession, cookie_token: str) -> None:
    await db.execute(delete(SignIn).where(SignIn.token_hash == digest(cookie_token)))


async def _forget_expired(db: AsyncSession, now: datetime) -> None:
    await db.execute(delete(SignIn).where(or_(SignIn.last_seen <= now - IDLE, SignIn.created <= now - ABSOLUTE)))
    await db.execute(delete(Link).where(Link.expires <= now - ABSOLUTE))


async def _sign_in(db: AsyncSession, account_id: AccountId, *, browser: str, now: datetime) -> str:
    await _forget_expired(db, now)
    token = secrets.token_urlsafe(32)
    db.add(
        SignIn(
            token_hash=digest(token),
            account_id=account_id,
            form_token=form_tokens.new(db, account_id, now=now),
            browser=browser,
            created=now,
            authenticated=now,
            last_seen=now,
        )
    )
    await db.flush()
    return token


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
