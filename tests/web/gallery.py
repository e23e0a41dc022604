"""The sample's house with all that a page can show: groups in every state, several facilitators, somebody disabled."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from facilitator import claims, deletions, facilitators, lives, people, removals, rooms
from facilitator.database import Database, Db
from facilitator.database.tables import Account, Member, RoomSighting
from facilitator.ids import AccountId, GroupId, MemberId, new_id
from facilitator.rules.life import KeptBy
from tests.web import sample
from tests.web.sample import Sample


@dataclass(frozen=True)
class Gallery:
    """Ada's groups by their state, and one of each kind of thing that an address can name."""

    ada: AccountId
    fay: AccountId
    gone: AccountId
    settled: GroupId
    new: GroupId
    troubled: GroupId
    draft: GroupId
    paused: GroupId
    closing: GroupId
    deleted: GroupId
    old: GroupId
    lone: GroupId
    series: str
    member: MemberId

    def parts(self, group: str = "settled") -> dict[str, str]:
        """What the addresses of `web/routes.py` are filled in with."""
        return {
            "group": getattr(self, group), "series": self.series, "member": self.member, "account": self.fay,
            "token": "x" * 43, "file": "panel.css",
        }  # fmt: skip


async def hang(database: Database, cast: Sample, now: datetime) -> Gallery:
    async with database.transaction() as db:
        fay = await somebody(db, cast.ada, "Fay", "@fay:panel.test", now)
        gone = await somebody(db, cast.ada, "Noor", "@noor:panel.test", now)
        helm = {"by": cast.ada, "group_id": cast.settled}
        await facilitators.add(db, **helm, account_id=fay, part="co-facilitator", now=now)
        draft = await sample.start_group(db, cast.ada, "Cedar room", now)
        groups = {name: await sample.open_group(db, cast.ada, f"{name} room", now) for name in STATES}
        deleted = await sample.start_group(db, cast.ada, "Heather room", now)
        await deletions.delete_group(db, by=cast.ada, group_id=deleted, typed_name="Heather room", now=now)
        lone = await sample.start_group(db, gone, "Lagoon room", now)
        await db.execute(update(Account).where(Account.id == gone).values(disabled=now))
        await paused_and_closing(db, cast.ada, groups, now)
        old = await rooms.group_room_id(db, groups["Juniper"])
        await sample.looked_after(db, old, groups["Juniper"], now)
        await db.execute(update(RoomSighting).where(RoomSighting.room_id == old).values(obstacles=["other_version"]))
        members = (await db.scalars(select(Member).where(Member.group_id == cast.settled))).all()
        ben = next(each.id for each in members if each.standing == "joined")
        cleo = next(each.id for each in members if each.standing == "joined" and each.id != ben)
        await removals.remove(db, **helm, member_id=cleo, reason="Asked to go for now", now=now)
        await claims.claim(db, by=cast.ada, matrix_id="@ada:new.test", now=now)
    return Gallery(
        cast.ada, fay, gone, cast.settled, cast.new, cast.troubled, draft, groups["Pebble"], groups["Meadow"],
        deleted, groups["Juniper"], lone, cast.series, ben,
    )  # fmt: skip


STATES = ("Pebble", "Meadow", "Juniper")


async def somebody(db: Db, by: AccountId, name: str, matrix_id: str, now: datetime) -> AccountId:
    account = AccountId(new_id())
    await people.add(db, by=by, account_id=account, name=name, role="facilitator", matrix_id=matrix_id, now=now)
    return account


async def paused_and_closing(db: Db, by: AccountId, groups: dict[str, GroupId], now: datetime) -> None:
    await lives.pause(db, by=by, group_id=groups["Pebble"], reason="Summer", now=now)
    await lives.close(
        db, by=by, group_id=groups["Meadow"], typed_name="Meadow room", on=(now + timedelta(days=20)).date(),
        farewell="Thank you for coming.", kept_by=KeptBy.MEMBERS, now=now,
    )  # fmt: skip
