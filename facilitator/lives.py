"""A group's life: opened, paused, resumed, about to close, kept open after all. What each means for its room and its
sessions follows from the row, by those who look at it; here it is decided, once, and written down with the reason.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal, outbox, ownership, rooms
from facilitator.database.tables import Group
from facilitator.errors import N_, Invalid, Refused, TooLate
from facilitator.glance import REACHABLE
from facilitator.ids import AccountId, GroupId, because
from facilitator.rules import life
from facilitator.rules.access import Deed
from facilitator.rules.life import Change, KeptBy, Lack, Line, State

LONGEST_FAREWELL = 1_000
TAKEN_BACK_WITHIN = timedelta(days=366)
"""As long as what is taken back may wait to be said: else that would be said alone."""

MISSING: Mapping[tuple[Lack, ...], str] = {
    (Lack.SECOND_FACILITATOR,): N_(
        "A second facilitator is missing: somebody who runs the group with you and has said which Matrix ID is theirs. "
        "No group should rest on one person."
    ),
    (Lack.CRISIS_LINE,): N_(
        "A crisis line that somebody has checked within the last year is missing. Whoever hosts this panel enters it "
        "in the settings."
    ),
    (Lack.SECOND_FACILITATOR, Lack.CRISIS_LINE): N_(
        "Two things are missing: a second facilitator who has said which Matrix ID is theirs, and a crisis line that "
        "somebody has checked within the last year."
    ),
}
MEANWHILE = N_("Somebody has changed this group meanwhile. Look at its page for how it is now.")
ITS_DAY_HAS_COME = N_("The day has come and the group is being closed. You can start a new group at any time.")
SETTLED_MEANWHILE = N_("Somebody else has settled how this group closes. Nothing you typed is lost: please look again.")
WHY = N_("Say in up to 300 letters why. It is kept in the journal.")


@dataclass(frozen=True)
class Closing:
    """How a group closes, as it was settled when the group stood at this version."""

    on: date
    farewell: str = field(repr=False)
    kept_by: KeptBy
    version: int


class SettledMeanwhile(Refused):
    """Somebody else has settled otherwise how the group closes, since the form was opened."""

    def __init__(self) -> None:
        super().__init__(SETTLED_MEANWHILE)


async def lacking(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, lines: Sequence[Line], now: datetime
) -> tuple[Lack, ...]:
    """What the group lacks to be opened. `lines`: as the house's settings have them. Raises NotFound, TooLate."""
    group = await ownership.group(db, by=by, group_id=group_id, deed=Deed.MAKE_READY)
    today = now.astimezone(ZoneInfo(group.time_zone)).date()
    reachable = await db.scalar(select(REACHABLE).select_from(Group).where(Group.id == group_id)) or 0
    return life.lacking(facilitators=reachable, lines=lines, today=today)


async def open_group(
    db: AsyncSession,
    *,
    by: AccountId,
    group_id: GroupId,
    lines: Sequence[Line],
    now: datetime,
    waiver: str = "",
) -> None:
    """People may be asked in from now on. `waiver`: why a coordinator opens it although something is missing. Raises
    NotFound, TooLate, NotAllowed, and Invalid("ready" | "waiver") with what is missing."""
    await ownership.hold(db, [group_id])  # who runs it, and whether it is there, stays so until it is open
    lacks = await lacking(db, by=by, group_id=group_id, lines=lines, now=now)
    waiver = waiver.strip()
    if lacks and not waiver:
        raise Invalid("ready", MISSING[lacks])
    if lacks:
        journal.why(waiver, WHY, field="waiver")
        await ownership.in_the_house(db, by=by, deed=Deed.WAIVE)
    to = {"state": State.OPEN, "opened": now, "waived_by": by if lacks else None}
    if await _move(db, group_id, Change.OPEN, to):
        verb = "group opened, what is missing waived" if lacks else "group opened"
        await journal.note(db, verb, actor=by, group_id=group_id, reason=waiver if lacks else None, now=now)


async def pause(db: AsyncSession, *, by: AccountId, group_id: GroupId, now: datetime, reason: str = "") -> None:
    """No session takes place and nobody is reminded, until it is resumed. Raises NotFound, TooLate, Invalid."""
    await ownership.group(db, by=by, group_id=group_id, deed=Deed.PAUSE_GROUP)
    reason = journal.why(reason, WHY, optional=True)
    if await _move(db, group_id, Change.PAUSE, {"state": State.PAUSED, "opened": None}):
        await journal.note(db, "group paused", actor=by, group_id=group_id, reason=reason or None, now=now)


async def resume(db: AsyncSession, *, by: AccountId, group_id: GroupId, now: datetime) -> None:
    """Sessions take place again, from the next one to begin on. Raises NotFound, TooLate."""
    await ownership.group(db, by=by, group_id=group_id, deed=Deed.PAUSE_GROUP)
    if await _move(db, group_id, Change.RESUME, {"state": State.OPEN, "opened": now}):
        await journal.note(db, "group resumed", actor=by, group_id=group_id, now=now)


async def close(
    db: AsyncSession,
    *,
    by: AccountId,
    group_id: GroupId,
    typed_name: str,
    on: date | None,
    farewell: str,
    kept_by: KeptBy,
    now: datetime,
    reason: str = "",
    version: int | None = None,
) -> None:
    """On this day of the group's calendar the farewell is said and the group is closed; until then it goes on. What
    somebody else has settled is settled anew only by who has seen it: by the group's `version`.

    Raises NotFound, TooLate, NotAllowed, SettledMeanwhile, Invalid("closes_on" | "farewell" | "reason" | "typed_name").
    """
    await ownership.hold(db, [group_id])
    group = await ownership.group(db, by=by, group_id=group_id, deed=Deed.CLOSE_GROUP)
    wanted = Closing(_closing_day(on, group, now), farewell.strip(), kept_by, group.version)
    if len(wanted.farewell) > LONGEST_FAREWELL:
        raise Invalid("farewell", N_("Please say it in up to 1,000 letters."))
    reason = journal.why(reason, WHY, optional=True)
    check_name(group.name, typed_name)
    settled = _settled(group)
    if settled == wanted:
        return
    if settled is not None and version != group.version:
        raise SettledMeanwhile
    await _settle(db, group_id, wanted, group.time_zone, again=settled is not None)
    if settled is None or (settled.on, settled.kept_by) != (wanted.on, wanted.kept_by):
        await _announce(db, group_id, changed=settled is not None, now=now)
    verb = f"group to be closed, its room left to {kept_by}"
    await journal.note(db, verb, actor=by, group_id=group_id, reason=reason or None, now=now)


def _closing_day(on: date | None, group: Group, now: datetime) -> date:
    if group.closes is not None and group.closes <= now:
        raise TooLate(ITS_DAY_HAS_COME)
    first, last = life.closing_days(now, group.time_zone)
    if on is None or not first <= on <= last:
        raise Invalid("closes_on", N_("Choose a day from tomorrow on, within the next year."))
    return on


def _settled(group: Group) -> Closing | None:
    if group.state != State.CLOSING or group.closes is None:
        return None
    day = group.closes.astimezone(ZoneInfo(group.time_zone)).date()
    return Closing(day, group.farewell or "", KeptBy(group.room_goes_to or KeptBy.NOBODY), group.version)


async def _settle(db: AsyncSession, group_id: GroupId, wanted: Closing, time_zone: str, *, again: bool) -> None:
    to = {
        "state": State.CLOSING,
        "closes": life.closing_moment(wanted.on, time_zone),
        "farewell": wanted.farewell or None,
        "room_goes_to": wanted.kept_by,
    }
    if not await _move(db, group_id, Change.RESETTLE if again else Change.CLOSE, to):
        raise SettledMeanwhile


async def _announce(db: AsyncSession, group_id: GroupId, *, changed: bool, now: datetime) -> None:
    """Whoever is in the room hears of it once, long before the last day, and again when it is another one."""
    group = await db.get_one(Group, group_id, populate_existing=True)
    assert group.closes is not None
    about = {"closes": group.closes.isoformat(), "time_zone": group.time_zone, "kept_by": group.room_goes_to}
    await outbox.put(
        db, because("closing", group_id, group.closes, group.version), await rooms.group_room_id(db, group_id),
        utterance="closing", parameters=about | {"changed": changed}, priority=outbox.Priority.WELCOME,
        not_after=group.closes, now=now,
    )  # fmt: skip


async def _take_back(db: AsyncSession, group: Group, *, now: datetime) -> None:
    """What was said of its closing, or is about to be, no longer holds."""
    await outbox.put(
        db, because("closing undone", group.id, group.version), await rooms.group_room_id(db, group.id),
        utterance="closing_undone", parameters={}, priority=outbox.Priority.WELCOME, now=now,
        not_after=now + TAKEN_BACK_WITHIN,
    )  # fmt: skip


async def closing(db: AsyncSession, *, by: AccountId, group_id: GroupId) -> tuple[Closing | None, str]:
    """How it was settled that a group closes, if it was; and its farewell, also one that was written before the group
    was kept open after all. Raises NotFound, NotAllowed, TooLate."""
    group = await ownership.group(db, by=by, group_id=group_id, deed=Deed.CLOSE_GROUP)
    return _settled(group), group.farewell or ""


async def reopen(db: AsyncSession, *, by: AccountId, group_id: GroupId, now: datetime) -> None:
    """It is not closed after all, and goes on as it was, paused if it was. What was to be said in farewell is kept for
    another time. Raises NotFound, NotAllowed, and TooLate once its day has come."""
    await ownership.hold(db, [group_id])
    group = await ownership.group(db, by=by, group_id=group_id, deed=Deed.CLOSE_GROUP)
    if group.closes is not None and group.closes <= now:
        raise TooLate(ITS_DAY_HAS_COME)
    back = State.PAUSED if group.opened is None else State.OPEN
    if await _move(db, group_id, Change.REOPEN, {"state": back, "closes": None, "room_goes_to": None}):
        await _take_back(db, await db.get_one(Group, group_id, populate_existing=True), now=now)
        await journal.note(db, "group kept open", actor=by, group_id=group_id, now=now)


async def resting(db: AsyncSession, groups: Sequence[GroupId]) -> State | None:
    """Why none of these groups meets for now: they pause, or have not begun; None: one does, or there is none."""
    rows = await db.execute(select(Group.state, Group.opened).where(Group.id.in_(groups), Group.deleted.is_(None)))
    states = [(state, opened) for state, opened in rows]
    if not states or any(life.meets(state, opened) for state, opened in states):
        return None
    return State.DRAFT if all(state == State.DRAFT for state, _ in states) else State.PAUSED


def check_name(name: str, typed: str) -> None:
    """Whoever does what cannot be undone types the group's name. Raises Invalid("typed_name")."""
    if _plain(typed) != _plain(name):
        raise Invalid("typed_name", N_("This is not the group's name. Please type it as it stands above."))


async def _move(db: AsyncSession, group_id: GroupId, change: Change, to: Mapping[str, Any]) -> bool:
    """From one state into another. Its room is the same in all of them, so no look is asked for. Returns False where it
    is there already, by two who pressed the same button. Raises TooLate where it can no longer be done."""
    moved = await db.execute(
        update(Group)
        .where(Group.id == group_id, Group.deleted.is_(None), Group.state.in_(life.FROM[change]))
        .values(**to, version=Group.version + 1)
        .execution_options(synchronize_session=False)
    )
    db.expire_all()
    if moved.rowcount:  # type: ignore[attr-defined]
        return True
    if await db.scalar(select(Group.state).where(Group.id == group_id)) != to["state"]:
        raise TooLate(MEANWHILE)
    return False


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
