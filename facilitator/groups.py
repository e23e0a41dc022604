"""Start a group, and see how the groups one runs are. Ownership is a join with `group_facilitators` in every query."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import (
    editing,
    encryption_health,
    glance,
    journal,
    members,
    outbox,
    ownership,
    pace,
    rooms,
    roster,
    schedule,
    sightings,
)
from facilitator.database.tables import Account, Group, GroupFacilitator, Member, Room, RoomSighting, plain
from facilitator.glance import Life
from facilitator.ids import AccountId, EventId, GroupId, UserId, because, new_id
from facilitator.roster import MemberLine
from facilitator.rules import names, recurrence
from facilitator.rules.life import State
from facilitator.rules.reach import Health
from facilitator.rules.recurrence import Occurrence

PER_PAGE = 50
SILENT = timedelta(minutes=2)


@dataclass(frozen=True)
class RoomState:
    """How a group's room is. `trouble` is a code the panel has words for; `bridge_seen` when the bridge last spoke."""

    state: Literal["up_to_date", "catching_up", "in_trouble"]
    trouble: str | None
    since: datetime | None
    bridge_seen: datetime | None


@dataclass(frozen=True)
class GroupLine:
    """A group as the list shows it. `members` counts those invited or joined; `next_session`: while it meets."""

    id: GroupId
    name: str = field(repr=False)
    state: str
    room: RoomState
    members: int
    next_session: Occurrence | None


@dataclass(frozen=True)
class GroupList:
    """One page of the groups somebody runs, of `pages` in all; `page` counts from 1."""

    lines: tuple[GroupLine, ...]
    page: int
    pages: int


@dataclass(frozen=True)
class GroupPage:
    """Everything a group's page shows."""

    id: GroupId
    name: str = field(repr=False)
    purpose: str = field(repr=False)
    language: str
    time_zone: str
    room: RoomState
    facilitators: tuple[str, ...] = field(repr=False)
    roster: tuple[MemberLine, ...] = field(repr=False)
    series: tuple[schedule.SeriesLine, ...]
    progress: pace.Progress | None
    life: Life
    own_health: Health | None = None
    """Whether the facilitator who looks can read the room themselves."""


@dataclass(frozen=True)
class Seen:
    """What was last seen of a room: the revision it matched, what was wrong, and when."""

    revision: int
    trouble: str | None
    looked: datetime | None


GROUP, RUNS, MEMBER = plain(Group).c, plain(GroupFacilitator).c, plain(Member).c
ROOM, SIGHTING = plain(Room).c, plain(RoomSighting).c
SEEN = (SIGHTING.revision, SIGHTING.trouble, SIGHTING.looked)
THE_ROOM = (
    select(ROOM.revision, *SEEN, ROOM.id, ROOM.bot_account_id, ROOM.created, ROOM.closed, SIGHTING.matrix_room)
    .join_from(plain(Room), plain(RoomSighting), SIGHTING.room_id == ROOM.id, isouter=True)
    .where(ROOM.group_id == bindparam("group"), ROOM.kind == "group")
)
MINE = (
    select(GROUP.id, GROUP.name, GROUP.state)
    .join_from(plain(Group), plain(GroupFacilitator), RUNS.group_id == GROUP.id)
    .where(RUNS.account_id == bindparam("by"), GROUP.deleted.is_(None))
)
INSIDE = (
    select(func.count())
    .where(MEMBER.group_id == ROOM.group_id, MEMBER.standing.in_(members.INSIDE))
    .correlate(plain(Room))
    .scalar_subquery()
)
ABOUT = (
    select(ROOM.group_id, INSIDE, ROOM.revision, *SEEN)
    .join_from(plain(Room), plain(RoomSighting), SIGHTING.room_id == ROOM.id, isouter=True)
    .where(ROOM.group_id.in_(bindparam("groups", expanding=True)), ROOM.kind == "group")
)
RUN_IT = (
    select(Account.id, Account.name, Account.matrix_id_index)
    .join(GroupFacilitator, GroupFacilitator.account_id == Account.id)
    .where(GroupFacilitator.group_id == bindparam("group"))
)
"""Questions of columns, not rows, and put into words once: a page asks many."""


async def start(
    db: AsyncSession,
    *,
    by: AccountId,
    name: str,
    purpose: str,
    language: str,
    time_zone: str,
    now: datetime,
    group_id: GroupId | None = None,
) -> GroupId:
    """Start a group, as a draft; its room follows, for those who run it. `group_id`: made with the form, so that a form
    sent twice starts one group. Raises Invalid("name" | "purpose" | "language" | "time_zone")."""
    editing.check(editing.Details(name, purpose, language, time_zone))
    if group_id is not None and await _started(db, group_id, by=by):
        return group_id
    group_id = group_id or GroupId(new_id())
    db.add(
        Group(
            id=group_id,
            name=name.strip(),
            purpose=purpose.strip(),
            language=language,
            time_zone=time_zone,
            state=State.DRAFT,
            created=now,
        )
    )
    await db.flush()
    db.add(GroupFacilitator(group_id=group_id, account_id=by, since=now))
    await rooms.open_for_group(db, group_id, now=now)
    await journal.note(db, "group started", actor=by, group_id=group_id, now=now)
    return group_id


async def _started(db: AsyncSession, group_id: GroupId, *, by: AccountId) -> bool:
    """Whether this form has started its group already. Of two that come at once, the second waits for the first."""
    await db.execute(select(Account.id).where(Account.id == by).with_for_update(key_share=True))
    if await db.scalar(select(Group.id).where(Group.id == group_id)) is None:
        return False
    await ownership.group(db, by=by, group_id=group_id, also_closed=True, also_deleted=True)
    return True


async def renamed_on_matrix(
    db: AsyncSession, group_id: GroupId, name: str, *, by: UserId, because_of: EventId, now: datetime
) -> bool:
    """Somebody has given the room another name in a Matrix client. A facilitator's word is taken over, unless the name
    would tell others why people meet there: then it is explained to them. Judged once for each such event. Returns
    whether the group is called so now."""
    facilitator = await members.facilitator_of(db, group_id, by)
    if facilitator is None:
        return False
    neutral = names.check(name) is None
    verb = "group renamed in the room" if neutral else "name put back"
    judged = because("renamed", because_of)
    if not await journal.note_once(db, judged, verb, actor=facilitator, group_id=group_id, now=now):
        return False
    group = await db.get_one(Group, group_id)
    if neutral:
        group.name, group.version = name.strip(), group.version + 1
        await rooms.group_changed(db, group_id)
        return True
    await outbox.put(
        db,
        because("name put back", because_of),
        await rooms.direct_with(db, by, now=now),
        utterance="name_put_back",
        parameters={"group": group.name},
        priority=outbox.Priority.REPLY,
        now=now,
    )
    return False


async def suggest_name(db: AsyncSession, *, by: AccountId, language: str = "en") -> str:
    """A neutral name in a language, another one for each group there is."""
    return names.suggest(await db.scalar(select(func.count()).select_from(Group)) or 0, language)


async def mine(
    db: AsyncSession, *, by: AccountId, now: datetime, page: int = 1, to_a_page: int = PER_PAGE
) -> GroupList:
    """The groups this account runs, those that are closed last, by name; a page that is not there is the nearest that
    is. Its number of statements does not depend on how many there are, and more than a name and a state is asked of
    those alone that are shown.
    """
    rows = (await db.execute(MINE, {"by": by})).all()
    by_name = sorted(
        rows, key=lambda row: (row.state == State.CLOSED, row.name.casefold(), row.id)
    )  # names are sealed: only here can they be sorted
    pages = max(-(-len(by_name) // to_a_page), 1)
    page = min(max(page, 1), pages)
    shown = by_name[(page - 1) * to_a_page : page * to_a_page]
    ids = [row.id for row in shown]
    beats = await sightings.heartbeats(db)
    about = {row[0]: row[1:] for row in await db.execute(ABOUT, {"groups": ids})}
    series = await schedule.of_groups(db, ids)
    lines = []
    for group_id, name, state in shown:
        count, revision, matched, trouble, looked = about[group_id]
        room = room_state(revision, _seen(matched, trouble, looked), beats, now)
        coming = (each for facts in series.get(group_id, ()) for each in recurrence.upcoming(facts, now, 1))
        lines.append(GroupLine(group_id, name, state, room, count, min(coming, key=_start, default=None)))
    return GroupList(tuple(lines), page, pages)


async def page(db: AsyncSession, *, by: AccountId, group_id: GroupId, now: datetime) -> GroupPage:
    """Raises NotFound when the group is not theirs."""
    group = await glance.of_group(db, by=by, group_id=group_id)
    found = (await db.execute(THE_ROOM, {"group": group_id})).one()
    revision, matched, trouble, looked, room_id, bot, created, left, matrix_room = found
    beats = await sightings.heartbeats(db)
    healths, facilitators = await encryption_health.of_group(db, group_id, now=now), await _facilitators(db, group_id)
    return GroupPage(
        id=group.id,
        name=group.name,
        purpose=group.purpose,
        language=group.language,
        time_zone=group.time_zone,
        room=room_state(revision, _seen(matched, trouble, looked), beats, now),
        facilitators=tuple(sorted((each.name for each in facilitators), key=str.casefold)),
        roster=await roster.of_group(db, group_id, healths=healths),
        series=await schedule.lines(db, group_id, now=now),
        life=replace(group.life, left=left is not None),
        own_health=next(
            (healths[f.person][0] for f in facilitators if f.account == by and f.person and f.person in healths), None
        ),
        progress=await pace.progress(db, pace.AboutRoom(room_id, bot, created, matrix_room), now=now),
    )


def room_state(revision: int, seen: Seen | None, beats: Mapping[str, datetime], now: datetime) -> RoomState:
    """What may truthfully be said of a room. A bridge, or a homeserver, silent for two minutes is trouble, whatever
    was seen before."""
    bridge, homeserver = beats.get("bridge"), beats.get("homeserver")
    if bridge is None or now - bridge > SILENT:
        return RoomState("in_trouble", "no_bridge", bridge, bridge)
    if homeserver is None or now - homeserver > SILENT:
        return RoomState("in_trouble", "homeserver_unreachable", homeserver, bridge)
    if seen is not None and seen.trouble == sightings.SLOW_DOWN:
        return RoomState("catching_up", seen.trouble, seen.looked, bridge)  # a wait is no trouble
    if seen is not None and seen.trouble is not None:
        return RoomState("in_trouble", seen.trouble, seen.looked, bridge)
    if seen is None or seen.revision < revision:
        return RoomState("catching_up", None, seen.looked if seen else None, bridge)
    return RoomState("up_to_date", None, seen.looked, bridge)


def _seen(revision: int | None, trouble: str | None, looked: datetime | None) -> Seen | None:
    return None if revision is None else Seen(revision, trouble, looked)


def _start(session: Occurrence) -> datetime:
    return session.starts


class RunsIt(NamedTuple):
    """Somebody who runs a group. `person`: the blind index of their Matrix id."""

    account: AccountId
    name: str
    person: UserId | None


async def _facilitators(db: AsyncSession, group_id: GroupId) -> list[RunsIt]:
    return [RunsIt(*row) for row in await db.execute(RUN_IT, {"group": group_id})]
