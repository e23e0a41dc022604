"""Every route × every role × every object: what must be refused is refused and changes nothing.

The table below says of each route whose it is. A route that is not in it fails, so that nobody adds one without having
thought of who may use it; what each kind of route lets whom do is said once. One database and one application serve all
of it: SQLite itself tells whether anything was written.
"""

import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

import pytest
from aiohttp.web import Application
from sqlalchemy import select, update

from facilitator import deletions, facilitators, people
from facilitator.database import Database
from facilitator.database.tables import Account, Group, Member
from facilitator.ids import AccountId, GroupId, MemberId, SeriesId, new_id
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.conftest import Serve
from tests.web.paths import path_of
from tests.web.sample import Sample
from tests.web.visitor import Visitor, new_session
from web.routes import ROUTES, Route


class Kind(Enum):
    """Whose a route is."""

    OPEN = "everybody's, signed in or not"
    OWN = "everybody's who is signed in, about themselves alone"
    HOUSE = "the coordinators'"
    RUN = "those' who run the group, each of them"
    LEAD = "the group's facilitators', and its co-facilitators' not"
    BACK = "as LEAD, and for a deleted group alone"
    NOBODYS = "the coordinators', for a group that nobody runs any more"
    WAITS = "the coordinators', for a draft that lacks something"


TABLE: dict[tuple[str, str], Kind] = {
    ("GET", "landing"): Kind.OPEN,
    ("GET", "link"): Kind.OPEN,
    ("POST", "link"): Kind.OPEN,
    ("POST", "sign-out"): Kind.OPEN,
    ("POST", "leave"): Kind.OPEN,
    ("POST", "language"): Kind.OPEN,
    ("GET", "help"): Kind.OPEN,
    ("GET", "livez"): Kind.OPEN,
    ("GET", "readyz"): Kind.OPEN,
    ("GET", "static"): Kind.OPEN,
    ("GET", "home"): Kind.OWN,
    ("GET", "numbers"): Kind.OWN,
    ("GET", "journal"): Kind.OWN,
    ("GET", "journal-file"): Kind.OWN,
    ("GET", "events"): Kind.OWN,
    ("GET", "groups"): Kind.OWN,
    ("GET", "new-group"): Kind.OWN,
    ("POST", "new-group"): Kind.OWN,
    ("GET", "deleted-groups"): Kind.OWN,
    ("GET", "me"): Kind.OWN,
    ("POST", "me"): Kind.OWN,
    ("POST", "sign-out-elsewhere"): Kind.OWN,
    ("GET", "matrix-id"): Kind.OWN,
    ("POST", "matrix-id"): Kind.OWN,
    ("POST", "drop-claim"): Kind.OWN,
    ("POST", "throw-away"): Kind.OWN,
    ("GET", "style"): Kind.OWN,
    ("GET", "people"): Kind.HOUSE,
    ("GET", "new-person"): Kind.HOUSE,
    ("POST", "new-person"): Kind.HOUSE,
    ("GET", "person"): Kind.HOUSE,
    ("POST", "person-link"): Kind.HOUSE,
    ("POST", "person-role"): Kind.HOUSE,
    ("GET", "disable-person"): Kind.HOUSE,
    ("POST", "disable-person"): Kind.HOUSE,
    ("POST", "enable-person"): Kind.HOUSE,
    ("GET", "free-person"): Kind.HOUSE,
    ("POST", "free-person"): Kind.HOUSE,
    ("GET", "give-away"): Kind.NOBODYS,
    ("POST", "give-away"): Kind.NOBODYS,
    ("GET", "waive"): Kind.WAITS,
    ("POST", "waive"): Kind.WAITS,
    ("GET", "group"): Kind.RUN,
    ("GET", "edit-group"): Kind.RUN,
    ("POST", "edit-group"): Kind.RUN,
    ("GET", "ready-group"): Kind.RUN,
    ("POST", "ready-group"): Kind.RUN,
    ("GET", "pause-group"): Kind.RUN,
    ("POST", "pause-group"): Kind.RUN,
    ("POST", "resume-group"): Kind.RUN,
    ("GET", "close-group"): Kind.LEAD,
    ("POST", "close-group"): Kind.LEAD,
    ("POST", "reopen-group"): Kind.LEAD,
    ("GET", "delete-group"): Kind.LEAD,
    ("POST", "delete-group"): Kind.LEAD,
    ("POST", "undelete-group"): Kind.BACK,
    ("GET", "group-journal"): Kind.RUN,
    ("GET", "group-numbers"): Kind.RUN,
    ("GET", "renew-room"): Kind.RUN,
    ("POST", "renew-room"): Kind.RUN,
    ("POST", "ask-back"): Kind.RUN,
    ("POST", "invite"): Kind.RUN,
    ("POST", "it-was-them"): Kind.RUN,
    ("GET", "remove-member"): Kind.RUN,
    ("POST", "remove-member"): Kind.RUN,
    ("POST", "readmit"): Kind.RUN,
    ("GET", "facilitators"): Kind.RUN,
    ("POST", "facilitators"): Kind.LEAD,
    ("POST", "change-part"): Kind.LEAD,
    ("GET", "remove-facilitator"): Kind.LEAD,
    ("POST", "remove-facilitator"): Kind.LEAD,
    ("GET", "leave-group"): Kind.RUN,
    ("POST", "leave-group"): Kind.RUN,
    ("GET", "new-series"): Kind.RUN,
    ("POST", "new-series"): Kind.RUN,
    ("GET", "end-series"): Kind.RUN,
    ("POST", "end-series"): Kind.RUN,
}
"""Of every route, whose it is."""

FIELDS = {
    "new-group": {"name": "Cedar room", "purpose": "Talking", "language": "en", "time_zone": "Berlin"},
    "edit-group": {"name": "Cedar room", "purpose": "x", "language": "en", "time_zone": "Berlin", "version": "1"},
    "close-group": {"typed_name": "Maple room", "closes_on": "2026-11-20", "farewell": "Bye", "kept_by": "members"},
    "delete-group": {"typed_name": "Maple room"},
    "renew-room": {"how": "upgrade"},
    "invite": {"matrix_id": "@new:chat.test"},
    "remove-member": {"reason": "x"},
    "waive": {"reason": "x"},
    "it-was-them": {"noticed": "2026-11-02T12:00:00+00:00"},
    "change-part": {"part": "facilitator"},
    "remove-facilitator": {"reason": "x"},
    "new-series": {"weekday": "1", "at": "19:00", "minutes": "60", "time_zone": "Berlin", "first_day": ""},
    "me": {"name": "Zoe", "language": "", "time_zone": ""},
    "matrix-id": {"matrix_id": "@new:chat.test"},
    "person-role": {"role": "coordinator"},
    "free-person": {"reason": "x"},
    "new-person": {"account": new_id(), "name": "Zoe", "role": "coordinator", "matrix_id": ""},
}
"""What a form carries that would go through, were it theirs; the others are buttons."""
THROUGH = {Kind.HOUSE: ("own",), Kind.NOBODYS: ("left alone", "a draft"), Kind.WAITS: ("a draft",)}
"""What a coordinator who runs nothing gets to see."""
GOES_ON, ONLY_WHILE_DEVELOPING = ("events",), ("style",)
"""What does not end by itself, if one is let in; and what is nowhere in a house that is at work."""
NAMES = ("Maple", "Harbour", "Willow", "@ben:chat.test")
"""What must not be read by whom it is none of the business of."""


@dataclass(frozen=True)
class World:
    """Ada and Ben run the settled group, she as facilitator and he as co-facilitator; Dan runs another, Cora none; Eve
    ran it until her account was disabled. `gone` was deleted; `left_alone` and `draft` have nobody who runs them any
    more."""

    visitors: dict[str, Visitor]
    file: Path
    settled: GroupId
    other: GroupId
    gone: GroupId
    left_alone: GroupId
    draft: GroupId
    series: SeriesId
    members: dict[GroupId, MemberId] = field(repr=False)
    accounts: dict[str, AccountId] = field(repr=False)


@dataclass(frozen=True)
class Try:
    """One request of somebody's, and what has to come of it: refusals by their number, None for getting through."""

    route: Route
    who: str
    what: str
    path: str
    refused: tuple[int, ...] | None


@pytest.fixture
async def world(
    app: Application, serve: Serve, cast: Sample, database: Database, clock: TurnedClock, tmp_path: Path
) -> AsyncIterator[World]:
    ids = await populate(database, cast, clock)
    async with new_session() as session:
        base = await serve(app)
        visitors = {"nobody": Visitor(session, base)}
        for name, account in ids.items():
            visitors[name] = Visitor(session, base, *(await sample.sign_in(database, account, clock.now())))
        (gone, left_alone, draft), members = await set_apart(database, cast, ids, clock)
        yield World(
            visitors, tmp_path / "hearth.db", cast.settled, cast.new, gone, left_alone, draft, cast.series, members, ids
        )


async def populate(database: Database, cast: Sample, clock: TurnedClock) -> dict[str, AccountId]:
    ids = {"ada": cast.ada, "dan": cast.dan}
    async with database.transaction() as db:
        for name, role in (("ben", "facilitator"), ("cora", "coordinator"), ("eve", "facilitator")):
            ids[name] = AccountId(new_id())
            await people.add(db, by=cast.ada, account_id=ids[name], name=name, role=role, matrix_id="", now=clock.now())
        for name, part in (("ben", "co-facilitator"), ("eve", "facilitator")):
            await facilitators.add(
                db, by=cast.ada, group_id=cast.settled, account_id=ids[name], part=part, now=clock.now()
            )
    return ids


async def set_apart(
    database: Database, cast: Sample, ids: dict[str, AccountId], clock: TurnedClock
) -> tuple[tuple[GroupId, GroupId, GroupId], dict[GroupId, MemberId]]:
    now = clock.now()
    async with database.transaction() as db:
        gone = await sample.start_group(db, cast.ada, "Maple room again", now)
        await facilitators.add(db, by=cast.ada, group_id=gone, account_id=ids["ben"], part="co-facilitator", now=now)
        await deletions.delete_group(db, by=cast.ada, group_id=gone, typed_name="Maple room again", now=now)
        left_alone = await sample.open_group(db, cast.ada, "Willow room alone", now)
        draft = await sample.start_group(db, cast.ada, "Harbour room draft", now)
        for group in (left_alone, draft):
            await facilitators.leave(db, by=cast.ada, group_id=group, successor=ids["eve"], now=now)
        await sample.invite_everybody(db, cast.ada, cast.new, now)
        await facilitators.add(db, by=cast.ada, group_id=cast.new, account_id=ids["dan"], part="facilitator", now=now)
        await facilitators.leave(db, by=cast.ada, group_id=cast.new, now=now)
        members = {
            group: (await db.scalars(select(Member.id).where(Member.group_id == group).limit(1))).one()
            for group in (cast.settled, cast.new)
        }
        await db.execute(update(Account).where(Account.id.in_([ids["dan"], ids["ada"]])).values(role="facilitator"))
        await db.execute(update(Account).where(Account.id == ids["eve"]).values(disabled=now))
        assert (await db.get_one(Group, gone)).deleted is not None
    return (gone, left_alone, draft), members


def test_every_route_is_in_the_table() -> None:
    assert set(TABLE) == {(route.method, route.name) for route in ROUTES}


async def test_what_must_be_refused_is_refused_and_changes_nothing(world: World) -> None:
    watcher = sqlite3.connect(world.file)
    before, contents = version(watcher), everything(watcher)
    wrong: list[str] = []
    number, read = 0, defaultdict[tuple[str, str, bool], set[str]](set)
    for each in tries(world):
        if each.refused is None:
            continue
        for fields in forms_of(each, world):
            number += 1
            page = await ask(world.visitors[each.who], each, fields)
            told = f"{each.who}: {each.route.method} {each.route.name}, {each.what}"
            if page.status not in each.refused and not (page.status in (400, 422) and fields == {}):
                wrong.append(f"{told}: {page.status} instead of {each.refused}")
            own_page = each.who in ("ada", "ben") and (each.what == "own" or page.status == 422)
            typed = " ".join(fields.values())  # a page may say once again what they wrote themselves
            named = [name for name in NAMES if page.text.count(name) > typed.count(name)]
            if not own_page and named:
                wrong.append(f"{told}: names what is not theirs")
            if each.who == "dan" and each.what in ("own", "missing") and "{group:" in each.route.path:
                read[each.route.method, each.route.name, bool(fields)].add(without_number(page.words))
            if version(watcher) != before:
                before = version(watcher)
                wrong.append(f"{told}: wrote something")
    assert not wrong, "\n".join(wrong)
    assert everything(watcher) == contents and number > 400
    differ = [route for route, words in read.items() if len(words) > 1]
    assert not differ, "what is another's reads like what is nowhere"
    watcher.close()


async def test_who_may_gets_in(world: World) -> None:
    """Else a table that refuses everything would pass."""
    wrong = []
    for each in tries(world):
        if (
            each.refused is None
            and each.route.method == "GET"
            and each.route.name not in GOES_ON + ONLY_WHILE_DEVELOPING
        ):
            page = await ask(world.visitors[each.who], each, {})
            if page.status in (401, 403, 404) or page.status >= 500:
                wrong.append(f"{each.who}: GET {each.route.name}, {each.what}: {page.status}")
    assert not wrong, "\n".join(wrong)


def tries(world: World) -> Iterator[Try]:
    for route in ROUTES:
        kind = TABLE.get((route.method, route.name))
        if kind is None or kind is Kind.OPEN:
            continue
        for who in world.visitors:
            for what, parts in objects(route, world):
                if who in ("nobody", "eve") and what != "own":
                    continue  # they are refused before anybody looks what the address names
                refused = expected(kind, who, what)
                yield Try(route, who, what, path_of(route.path, parts), refused)


def objects(route: Route, world: World) -> Iterator[tuple[str, dict[str, str]]]:
    """What the address names: theirs who run the settled group, nothing, what was deleted, and what does not belong
    together."""
    of_account = world.accounts["dan"] if route.path.startswith("/people") else world.accounts["ben"]
    own = {
        "group": world.settled, "series": world.series, "member": world.members[world.settled], "account": of_account,
    }  # fmt: skip
    nowhere = {name: new_id() for name in own}
    named = [name for name in own if "{" + name + ":" in route.path]
    yield "own", own
    if "group" in named:
        yield "missing", nowhere
        yield "deleted", own | {"group": world.gone}
        yield "left alone", own | {"group": world.left_alone}
        yield "a draft", own | {"group": world.draft}
    for name in named:
        if name != "group":
            yield "missing", own | {name: nowhere[name]}
        if name == "member":
            yield "of another group", own | {"member": world.members[world.other]}
        if name == "account" and "group" in named:
            yield "of another group", own | {"account": world.accounts["dan"]}
    if "series" in named:
        yield "of another group", own | {"group": world.gone}


def expected(kind: Kind, who: str, what: str) -> tuple[int, ...] | None:
    """None: they get through."""
    if who in ("nobody", "eve"):
        return (401,)
    if kind is Kind.OWN:
        return None
    if kind in THROUGH:
        if who != "cora":
            return (403,)
        return None if what in THROUGH[kind] else (404,)
    not_as_co_facilitator = who == "ben" and kind is not Kind.RUN
    if who in ("ada", "ben") and (what == "own" or (what == "deleted" and kind is Kind.BACK)):
        return (403,) if not_as_co_facilitator else None
    return (403, 404) if not_as_co_facilitator else (404,)


def forms_of(each: Try, world: World) -> list[dict[str, str]]:
    """As it would go through, and with nothing in it: neither may tell more than the other."""
    route = each.route
    if route.method == "GET":
        return [{}]
    chosen: dict[str, dict[str, str]] = {
        "facilitators": {"account": world.accounts["dan"], "part": "facilitator"},
        "leave-group": {"successor": world.accounts["dan"]},
        "disable-person": {"successor": world.accounts["cora"], "groups": " ".join(world.members)},
        "give-away": {"account": world.accounts["dan"]},
    }
    whole = chosen.get(route.name, FIELDS.get(route.name, {}))
    return [dict(whole), {}] if whole and each.what in ("own", "missing") else [dict(whole)]


async def ask(visitor: Visitor, each: Try, fields: dict[str, str]):  # type: ignore[no-untyped-def]
    if each.route.method == "POST":
        return await replace(visitor).post(each.path, fields)
    return await replace(visitor).get(each.path)


def without_number(words: str) -> str:
    return words.partition("Number of this request")[0]


def version(watcher: sqlite3.Connection) -> int:
    """Another number as soon as anybody else has written (SQLite, PRAGMA data_version)."""
    found: int = watcher.execute("PRAGMA data_version").fetchone()[0]
    return found


def everything(watcher: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    tables = [name for (name,) in watcher.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {name: sorted(watcher.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}
