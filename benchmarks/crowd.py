"""A large organisation, put straight into the tables: a thousand groups of a hundred people each, with a past.

So many of them are one facilitator's, the others her colleagues'. All of them hers is the worst a page can meet: names
are sealed, so a list is opened and sorted in Python.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from facilitator import accounts
from facilitator.database import Database, Db, tables
from facilitator.database.tables import Table
from facilitator.ids import AccountId, UserId, new_id
from facilitator.rules.wanted_room import ENCRYPTION

COLLEAGUES = 40
AT_ONCE = 5_000
STANDINGS = ("joined",) * 8 + ("invited", "left")
ADA = "@ada:here"
Rows = Iterator[tuple[type[Table], dict[str, Any]]]


@dataclass(frozen=True)
class Crowd:
    """A browser that is signed in as her, and what stands for each part of an address."""

    cookie: str
    parts: Mapping[str, str]


async def gather(database: Database, *, groups: int, own: int, members: int, now: datetime) -> Crowd:
    async with database.transaction() as db:
        ada = await accounts.add_coordinator(db, name="Ada", matrix_id=ADA, now=now)
        others = [
            await accounts.add_coordinator(db, name=f"Colleague {number}", matrix_id=f"@c{number}:here", now=now)
            for number in range(COLLEAGUES)
        ]
        link = await accounts.issue_link(db, ada, now=now)
        cookie = await accounts.redeem_link(db, link, browser="Firefox", now=now)
        db.add_all(tables.Heartbeat(name=loop, at=now) for loop in ("bridge", "homeserver"))
        bot = tables.BotAccount(id=new_id(), user_id=UserId("@hearth:here"), homeserver="http://here", created=now)
        db.add(bot)
        await db.flush()
        parts: dict[str, str] = {"account": ada}
        for number in range(groups):
            by = ada if number >= groups - own else others[number % COLLEAGUES]
            await _put(db, _group(number, members, by=by, bot=bot.id, now=now, parts=parts))
    return Crowd(cookie, parts)


async def _put(db: Db, rows: Rows) -> None:
    """Statement by statement, each with all of its rows."""
    by_table: dict[type[Table], list[dict[str, Any]]] = {}
    for table, row in rows:
        by_table.setdefault(table, []).append(row)
    for table, several in by_table.items():
        for start in range(0, len(several), AT_ONCE):
            await db.execute(insert(table), several[start : start + AT_ONCE])


def _group(number: int, members: int, *, by: AccountId, bot: str, now: datetime, parts: dict[str, str]) -> Rows:
    group, room, series, long_ago = new_id(), new_id(), new_id(), now.replace(microsecond=0) - timedelta(days=400)
    yield tables.Group, {
        "id": group, "name": f"Maple {number}", "purpose": "Talking through the week", "language": "en",
        "time_zone": "Europe/Lisbon", "state": "open", "created": long_ago, "opened": long_ago,
    }  # fmt: skip
    yield tables.GroupFacilitator, {"group_id": group, "account_id": by, "since": long_ago}
    yield tables.Room, {"id": room, "kind": "group", "group_id": group, "bot_account_id": bot, "created": long_ago}
    yield tables.RoomSighting, {
        "room_id": room, "matrix_room": f"!{room}", "encryption": dict(ENCRYPTION), "revision": 1,
        "history_visibility": "joined", "version": "12", "looked": now,
    }  # fmt: skip
    yield tables.Series, {
        "id": series, "group_id": group, "starts": (long_ago + timedelta(days=number % 7)).replace(tzinfo=None),
        "time_zone": "Europe/Lisbon", "rrule": "FREQ=WEEKLY", "minutes": 60, "created": long_ago,
    }  # fmt: skip
    yield from _past(group, by, "group opened", None, long_ago)
    for each in range(members):
        member, since = new_id(), long_ago + timedelta(days=each * 399 / members)
        yield from _member(member, group, room, STANDINGS[each % len(STANDINGS)], f"@m{number}x{each}:here", since)
        yield from _past(group, by, "member invited", member, since)
        parts["member"] = member
    parts |= {"group": group, "series": series}


def _member(member: str, group: str, room: str, standing: str, person: str, since: datetime) -> Rows:
    seen = {"joined": "join", "invited": "invite"}.get(standing, "leave")
    yield tables.Member, {
        "id": member, "group_id": group, "matrix_id": person, "matrix_id_index": person, "standing": standing,
        "since": since,
    }  # fmt: skip
    yield tables.MembershipSighting, {"room_id": room, "person_index": person, "membership": seen, "seen": since}
    if standing == "joined":
        yield tables.KeySighting, {"room_id": room, "person_index": person, "health": "reads", "since": since}
        yield from _past(group, member, "member joined", None, since)


def _past(group: str, actor: str, verb: str, subject: str | None, at: datetime) -> Rows:
    yield tables.JournalEntry, {
        "id": new_id(), "at": at, "actor": actor, "verb": verb, "group_id": group, "subject": subject,
    }  # fmt: skip
