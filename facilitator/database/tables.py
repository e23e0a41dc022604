"""The whole schema on one page, under three headings: what should be, what to do once, what we have seen.

The heading says who may write a table (use cases; use cases and the sender; `sightings` for the bridge). What members
write is in none of them: event ids and verdicts, never words.
"""

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy
from sqlalchemy import ForeignKey, Index, MetaData, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from facilitator.database.types import Blind, Json, LocalDateTime, Sealed, SealedJson, UtcDateTime
from facilitator.ids import AccountId, ActId, BotId, EventId, GroupId, MatrixRoomId, MemberId, RoomId, SeriesId, UserId

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

STRICT = {"sqlite_strict": True}


class Table(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    __table_args__: Any = STRICT
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        **{
            kind: Text()
            for kind in (
                str,
                AccountId,
                ActId,
                BotId,
                EventId,
                GroupId,
                MatrixRoomId,
                MemberId,
                RoomId,
                SeriesId,
                UserId,
            )
        },
    }


def plain(table: type[Table]) -> sqlalchemy.Table:
    """The table without its objects: what is said about it costs a third less, which tells where it is said often. What
    was changed in an object and not flushed yet it does not see."""
    found = table.__table__
    assert isinstance(found, sqlalchemy.Table)
    return found


# ---------------- what should be: written by use cases only


class Account(Table):
    """A coordinator or facilitator of the panel."""

    __tablename__ = "accounts"
    id: Mapped[AccountId] = mapped_column(primary_key=True)
    role: Mapped[str]  # coordinator | facilitator
    name: Mapped[str] = mapped_column(Sealed("accounts.name"))
    matrix_id: Mapped[UserId | None] = mapped_column(Sealed("accounts.matrix_id"))  # None: none is proven to be theirs
    matrix_id_index: Mapped[UserId | None] = mapped_column(Blind("matrix_id"), unique=True)
    language: Mapped[str | None]  # their own; None: what their browser asks for
    time_zone: Mapped[str | None]  # where they live; None: only the groups' zones are shown
    created: Mapped[datetime]
    signed_in: Mapped[datetime | None]  # when they last did
    disabled: Mapped[datetime | None]


class MatrixClaim(Table):
    """Somebody of the panel says a Matrix id is theirs; saying the code to the bot, alone with it, proves it."""

    __tablename__ = "matrix_claims"
    account_id: Mapped[AccountId] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    matrix_id: Mapped[UserId] = mapped_column(Sealed("matrix_claims.matrix_id"))
    matrix_id_index: Mapped[UserId] = mapped_column(Blind("matrix_id"), index=True)
    code_hash: Mapped[str] = mapped_column(Blind("matrix_claims.code"))  # keyed: it is too short for a bare hash
    tries: Mapped[int] = mapped_column(default=0)  # wrong codes so far
    created: Mapped[datetime]
    expires: Mapped[datetime]
    proven: Mapped[datetime | None]  # the new end has said the code
    agreed: Mapped[datetime | None]  # the old end, where there is one


class Link(Table):
    """A one-time sign-in link, known by the hash of its token."""

    __tablename__ = "links"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[AccountId] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    created: Mapped[datetime]
    expires: Mapped[datetime]
    used: Mapped[datetime | None]


class SignIn(Table):
    """A browser that is signed in, known by the hash of its cookie's token."""

    __tablename__ = "sign_ins"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[AccountId] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    form_token: Mapped[str]  # what every form of this sign-in carries, against cross-site requests
    browser: Mapped[str]  # the family only ("Firefox"), for the list of one's own sign-ins
    created: Mapped[datetime]
    authenticated: Mapped[datetime]
    last_seen: Mapped[datetime]


class KeptForm(Table):
    """What somebody had typed when their sign-in ended, until they are back; a day at most."""

    __tablename__ = "kept_forms"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[AccountId] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    path: Mapped[str]
    fields: Mapped[Any] = mapped_column(SealedJson("kept_forms.fields"))
    created: Mapped[datetime]


class BotAccount(Table):
    """One Matrix account of the bridge. Everything sealed here opens with bridge.key alone."""

    __tablename__ = "bot_accounts"
    id: Mapped[BotId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(unique=True)
    homeserver: Mapped[str]
    device_id: Mapped[str | None]
    access_token: Mapped[str | None] = mapped_column(Sealed("bot_accounts.access_token", ring="bridge"))
    seeds: Mapped[Any | None] = mapped_column(SealedJson("bot_accounts.seeds", ring="bridge"))
    master_key: Mapped[str | None]  # the public half, to notice when the server shows another
    login: Mapped[str] = mapped_column(default="session", server_default="session")  # session | application_service
    marks: Mapped[Any | None] = mapped_column(Json())  # left on the server by the latest key store; no secret
    created: Mapped[datetime]


class Group(Table):
    __tablename__ = "groups"
    id: Mapped[GroupId] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Sealed("groups.name"))  # neutral: it is the room's name, in clear to servers
    purpose: Mapped[str] = mapped_column(Sealed("groups.purpose"))  # for the panel only, never sent to Matrix
    language: Mapped[str]
    time_zone: Mapped[str]
    state: Mapped[str] = mapped_column(default="draft", server_default="open")  # draft open paused closing closed
    version: Mapped[int] = mapped_column(default=1, server_default="1")  # raised by every change made in a form
    created: Mapped[datetime]
    opened: Mapped[datetime | None]  # since when its sessions take place; None while it is a draft or pauses
    waived_by: Mapped[AccountId | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    closes: Mapped[datetime | None]  # while it is closing: when it will be closed
    farewell: Mapped[str | None] = mapped_column(Sealed("groups.farewell"))  # said in the room when it is closed
    room_goes_to: Mapped[str | None]  # members | nobody: who keeps the room then
    closed: Mapped[datetime | None]
    deleted: Mapped[datetime | None]  # out of sight since; for good thirty days later


class GroupFacilitator(Table):
    """Who runs which group. Ownership in queries is a join with this table."""

    __tablename__ = "group_facilitators"
    group_id: Mapped[GroupId] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[AccountId] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(default="facilitator", server_default="facilitator")  # | co-facilitator
    since: Mapped[datetime]


class Member(Table):
    """Somebody invited to a group, and how they stand with it: invited, joined, left or removed."""

    __tablename__ = "members"
    __table_args__ = (
        UniqueConstraint("group_id", "matrix_id_index"),
        Index("ix_members_standing", "group_id", "standing", "since"),  # how many stand how
        STRICT,
    )
    id: Mapped[MemberId] = mapped_column(primary_key=True)
    group_id: Mapped[GroupId] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    matrix_id: Mapped[UserId] = mapped_column(Sealed("members.matrix_id"))
    matrix_id_index: Mapped[UserId] = mapped_column(Blind("matrix_id"), index=True)
    standing: Mapped[str]
    since: Mapped[datetime]
    invitation: Mapped[int] = mapped_column(default=1)  # the how-many-eth: part of what causes a welcome
    invited_by: Mapped[AccountId | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))


class Series(Table):
    """A session that recurs: local wall time, IANA zone and an RFC 5545 RRULE, expanded in that zone."""

    __tablename__ = "series"
    id: Mapped[SeriesId] = mapped_column(primary_key=True)
    group_id: Mapped[GroupId] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    starts: Mapped[datetime] = mapped_column(LocalDateTime())  # the first session's wall time
    time_zone: Mapped[str]
    rrule: Mapped[str]
    minutes: Mapped[int]
    created: Mapped[datetime]
    ended: Mapped[datetime | None]


class Room(Table):
    """A room that should exist. Its id is the marker its Matrix room carries; acts are addressed to it."""

    __tablename__ = "rooms"
    __table_args__ = (UniqueConstraint("kind", "person_index"), UniqueConstraint("kind", "group_id"), STRICT)
    id: Mapped[RoomId] = mapped_column(primary_key=True)
    kind: Mapped[str]  # group | backstage | direct
    group_id: Mapped[GroupId | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    person: Mapped[UserId | None] = mapped_column(Sealed("rooms.person"))  # whom a direct room is with
    person_index: Mapped[UserId | None] = mapped_column(Blind("matrix_id"))
    bot_account_id: Mapped[BotId | None] = mapped_column(ForeignKey("bot_accounts.id"), index=True)
    revision: Mapped[int] = mapped_column(default=1)  # raised by every change to what should be
    renewal: Mapped[str | None]  # upgrade | remake: what was agreed to; None: nothing
    renewal_asked: Mapped[datetime | None]
    created: Mapped[datetime]
    closed: Mapped[datetime | None]


# ---------------- what to do once: use cases put, the sender settles


class Act(Table):
    """One thing to say, once. Its id follows from its cause and is the Matrix transaction id as well."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_unsettled", "outcome", "room_id", "priority", "seq"),
        Index("ix_outbox_of_room", "room_id", "seq"),
        Index("ix_outbox_settled", "settled"),  # for pruning
        STRICT,
    )
    id: Mapped[ActId] = mapped_column(primary_key=True)
    room_id: Mapped[RoomId] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"))
    seq: Mapped[int]  # order within a room
    priority: Mapped[int]  # lower goes first: help before everything
    utterance: Mapped[str]
    parameters: Mapped[Any | None] = mapped_column(SealedJson("outbox.parameters"))  # wiped when settled
    due: Mapped[datetime]
    not_after: Mapped[datetime | None]  # when trying becomes pointless
    first_try: Mapped[datetime | None]
    next_try: Mapped[datetime | None]
    tried_on: Mapped[str | None]  # the device of the first try: the homeserver remembers acts for each by itself
    attempts: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str | None]  # sent | failed | uncertain | too_late; None while unsettled
    why: Mapped[str | None]  # a code, never a text with a name in it
    event_id: Mapped[EventId | None]
    settled: Mapped[datetime | None]


# ---------------- what we have seen: written by the bridge, through `sightings`


class RoomSighting(Table):
    """What the bridge last saw of a room, and the revision it was found to match."""

    __tablename__ = "room_sightings"
    room_id: Mapped[RoomId] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    matrix_room: Mapped[MatrixRoomId | None] = mapped_column(unique=True)
    encryption: Mapped[Any | None] = mapped_column(Json())  # content of m.room.encryption, once verified
    history_visibility: Mapped[str | None]
    version: Mapped[str | None]
    via: Mapped[Any | None] = mapped_column(Json())  # servers that can lead somebody into it
    obstacles: Mapped[Any | None] = mapped_column(Json())  # codes: what no step can mend
    replacement: Mapped[MatrixRoomId | None]  # where somebody who may has said it goes on
    revision: Mapped[int] = mapped_column(default=0)
    trouble: Mapped[str | None]  # a code the panel has words for
    failures: Mapped[int] = mapped_column(default=0)
    looked: Mapped[datetime | None]
    next_look: Mapped[datetime | None]


class MembershipSighting(Table):
    """How a person stood in a room when last seen, and why they could not be invited, if so."""

    __tablename__ = "membership_sightings"
    __table_args__ = (
        # Whose invitation goes nowhere: few, among very many. The migration makes it so on PostgreSQL too; here it
        # would load that dialect where nobody needs it.
        Index("ix_membership_sightings_trouble", "room_id", "person_index", sqlite_where=text("trouble IS NOT NULL")),
        STRICT,
    )
    room_id: Mapped[RoomId] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    person_index: Mapped[UserId] = mapped_column(Blind("matrix_id"), primary_key=True)
    membership: Mapped[str | None]
    invitation: Mapped[int] = mapped_column(default=1)  # which invitation the trouble is about
    trouble: Mapped[str | None]
    next_try: Mapped[datetime | None]
    seen: Mapped[datetime]
    missing: Mapped[datetime | None]  # since when looks do not show them, though they joined and nothing was heard


class FormerRoom(Table):
    """A Matrix room one of ours was in before it was upgraded, made anew, or left for another."""

    __tablename__ = "former_rooms"
    matrix_room: Mapped[MatrixRoomId] = mapped_column(primary_key=True)
    room_id: Mapped[RoomId] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"), index=True)
    why: Mapped[str]  # a code
    since: Mapped[datetime]
    left: Mapped[datetime | None]  # when the bot had nothing more to do there


class Stranger(Table):
    """Somebody seen in a room nobody asked them into, or who no longer has a place there. `due`: when they are put out,
    if nobody has by then."""

    __tablename__ = "strangers"
    room_id: Mapped[RoomId] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    person_index: Mapped[UserId] = mapped_column(Blind("matrix_id"), primary_key=True)
    due: Mapped[datetime]
    why: Mapped[str | None]  # place_gone: nobody is told of it; None: nobody asked them in


class KeySighting(Table):
    """How far the key of a room comes with a person who has joined it: half of their encryption health. The other
    half, whether the bot can read them, is what of theirs stands in `unreadable`."""

    __tablename__ = "key_sightings"
    __table_args__ = (Index("ix_key_sightings_health", "health", "room_id"), STRICT)  # who cannot read
    room_id: Mapped[RoomId] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    person_index: Mapped[UserId] = mapped_column(Blind("matrix_id"), primary_key=True)
    health: Mapped[str]  # a code the panel has words for
    since: Mapped[datetime]
    well_until: Mapped[datetime | None]  # when a time of being well for days last ended
    next_check: Mapped[datetime | None] = mapped_column(index=True)


class PinnedIdentity(Table):
    """The master key a person's devices were first seen signed by, or the one a facilitator knows to be theirs, to
    notice when another takes its place."""

    __tablename__ = "pinned_identities"
    bot_account_id: Mapped[BotId] = mapped_column(ForeignKey("bot_accounts.id", ondelete="CASCADE"), primary_key=True)
    person_index: Mapped[UserId] = mapped_column(Blind("matrix_id"), primary_key=True)
    master_key: Mapped[str] = mapped_column(Blind("master_key"))
    since: Mapped[datetime]
    changed: Mapped[datetime | None]  # when the latest was first seen; None while it is the same
    latest: Mapped[str | None] = mapped_column(Blind("master_key"))  # where it is another than that


class RateBucket(Table):
    """How fast the homeserver lets an account go with one kind of request, as learned from its answers."""

    __tablename__ = "rate_buckets"
    bot_account_id: Mapped[BotId] = mapped_column(ForeignKey("bot_accounts.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    every_ms: Mapped[int]  # one token grows in this time
    burst: Mapped[int]
    free_at: Mapped[datetime | None]
    at: Mapped[datetime]


class Cursor(Table):
    """How far an account has listened; committed with what was heard."""

    __tablename__ = "cursors"
    bot_account_id: Mapped[BotId] = mapped_column(ForeignKey("bot_accounts.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[str]
    at: Mapped[datetime]


class UnreadableEvent(Table):
    """An event whose key we lack; read again when its session's key comes."""

    __tablename__ = "unreadable"
    __table_args__ = (
        Index("ix_unreadable_session", "matrix_room", "session_id"),
        Index("ix_unreadable_sender", "matrix_room", "sender_index"),
        STRICT,
    )
    event_id: Mapped[EventId] = mapped_column(primary_key=True)
    matrix_room: Mapped[MatrixRoomId]
    session_id: Mapped[str]
    sender_index: Mapped[UserId | None] = mapped_column(Blind("matrix_id"))  # until something later of theirs is read
    since: Mapped[datetime]


class SetAside(Table):
    """Events that failed in our hands: tries counted outside the transaction that failed; after three, left alone."""

    __tablename__ = "set_aside"
    event_id: Mapped[EventId] = mapped_column(primary_key=True)
    tries: Mapped[int]
    since: Mapped[datetime]


class Heartbeat(Table):
    """When a loop last finished a pass."""

    __tablename__ = "heartbeats"
    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class Lease(Table):
    """Which process holds a bot account. The epoch rises when it changes hands."""

    __tablename__ = "leases"
    bot_account_id: Mapped[BotId] = mapped_column(ForeignKey("bot_accounts.id", ondelete="CASCADE"), primary_key=True)
    holder: Mapped[str]
    epoch: Mapped[int]
    expires: Mapped[datetime]


class JournalEntry(Table):
    """Who did what and why, never what was said."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_of_group", "group_id", "at", "id"),  # read newest first, fifty at a time
        Index("ix_journal_of_actor", "actor", "at", "id"),
        Index("ix_journal_of_subject", "subject", "at", "id"),
        STRICT,
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]  # an account's or member's id of ours, or "bridge"
    verb: Mapped[str]
    group_id: Mapped[GroupId | None] = mapped_column(ForeignKey("groups.id", ondelete="SET NULL"))
    subject: Mapped[str | None]  # an id of ours
    reason: Mapped[str | None] = mapped_column(Sealed("journal.reason"))  # why, in the words of whoever did it
