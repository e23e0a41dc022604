"""Sample data for the panel's tests: groups in every state a page can show, made by the use cases alone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import (
    accounts,
    bots,
    encryption_health,
    groups,
    lives,
    members,
    outbox,
    rooms,
    schedule,
    sightings,
    unread,
)
from facilitator.database import Database
from facilitator.database.tables import PinnedIdentity
from facilitator.ids import AccountId, EventId, GroupId, MatrixRoomId, RoomId, SeriesId, UserId, because
from facilitator.rules.reach import Reach
from facilitator.sightings import Looked
from facilitator.unsaid import WAITS_LONG

ADA, DAN = UserId("@ada:panel.test"), UserId("@dan:panel.test")
PURPOSE = "Talking through the week, on Tuesdays"
WAIVER = "We know each other for years."
MEMBERS = {
    "@ben:chat.test": "joined",
    "@cleo:elsewhere.test": "joined",
    "@eli:chat.test": "invited",
    "@fay:chat.test": "left",
    "@gus:chat.test": "removed",
}
REACHES = {
    "@nia:chat.test": Reach(given=2),
    "@oda:chat.test": Reach(given=1, refused=1),
    "@pia:chat.test": Reach(given=1, unreached=1),
    "@quinn:chat.test": Reach(refused=1),
    "@ravi:chat.test": Reach(unreached=1),
    "@sol:chat.test": Reach(),
    "@tea:away.test": Reach(answered=False),
    "@uma:chat.test": Reach(given=1),
    "@vito:chat.test": Reach(given=1),
}
"""How far the room's key came with those who have joined: Uma is not read by the bot, Vito has a new identity."""
TROUBLES = {
    "@hal:closed.test": ("forbidden", None),
    "@ida:chat.test": ("unknown_person", None),
    "@jon:nowhere.test": ("unknown_server", None),
    "@kim:chat.test": ("slow_down", timedelta(minutes=3)),
    "@lou:away.test": ("unreachable", timedelta(minutes=8)),
}


@dataclass(frozen=True)
class Sample:
    """Ada runs three groups; Dan, on the same panel, must see none of them."""

    ada: AccountId
    dan: AccountId
    settled: GroupId
    new: GroupId
    troubled: GroupId
    series: SeriesId


async def make(database: Database, now: datetime) -> Sample:
    async with database.transaction() as db:
        ada = await accounts.add_coordinator(db, name="Ada", matrix_id=ADA, now=now)
        dan = await accounts.add_coordinator(db, name="Dan", matrix_id=DAN, now=now)
        settled = await open_group(db, ada, "Maple room", now)
        new = await open_group(db, ada, "Harbour room", now)
        troubled = await open_group(db, ada, "Willow room", now)
        series = await schedule.schedule(
            db, by=ada, group_id=settled, weekday=1, at="19:00", time_zone="Europe/Berlin", minutes=90, now=now
        )
        await schedule.schedule(  # 02:30 on 14 March 2027 does not exist in New York
            db, by=ada, group_id=settled, weekday=6, at="02:30", time_zone="America/New_York", minutes=60,
            first_day=date(2027, 3, 7), now=now,
        )  # fmt: skip
        await invite_everybody(db, ada, settled, now)
        for loop in ("bridge", "homeserver"):
            await sightings.beat(db, loop, now=now)
        room = await rooms.group_room_id(db, settled)
        await looked_after(db, room, settled, now)
        await sightings.in_trouble(db, await rooms.group_room_id(db, troubled), "homeserver_unreachable", now=now)
    return Sample(ada, dan, settled, new, troubled, series)


async def open_group(db: AsyncSession, by: AccountId, name: str, now: datetime) -> GroupId:
    group = await start_group(db, by, name, now)
    await lives.open_group(db, by=by, group_id=group, lines=(), waiver=WAIVER, now=now)
    return group


async def start_group(db: AsyncSession, by: AccountId, name: str, now: datetime) -> GroupId:
    """A draft."""
    return await groups.start(db, by=by, name=name, purpose=PURPOSE, language="en", time_zone="Europe/Berlin", now=now)


async def invite_everybody(db: AsyncSession, by: AccountId, group_id: GroupId, now: datetime) -> None:
    room = await rooms.group_room_id(db, group_id)
    for person, standing in MEMBERS.items():
        await members.invite(db, by=by, group_id=group_id, matrix_id=person, now=now)
        if standing == "joined":
            await members.joined(db, group_id, room, UserId(person), now=now)
        if standing == "left":
            await members.left(db, group_id, UserId(person), now=now)
        if standing == "removed":
            await members.removed(db, group_id, UserId(person), by=ADA, now=now)
    for person, (trouble, wait) in TROUBLES.items():
        await members.invite(db, by=by, group_id=group_id, matrix_id=person, now=now)
        again = now + wait if wait else None
        await sightings.could_not_invite(db, room, {UserId(person): (trouble, again)}, now=now)


async def healths(db: AsyncSession, by: AccountId, group_id: GroupId, now: datetime) -> None:
    """Members who can read, and who cannot, each in their own way; an hour ago."""
    hour_ago, room = now - timedelta(hours=1), await rooms.group_room_id(db, group_id)
    bot = await bots.enrol(db, user_id=UserId("@hearth:panel.test"), homeserver="http://panel.test", now=now)
    await rooms.take_charge(db, bot.id)
    for person in REACHES:
        await members.invite(db, by=by, group_id=group_id, matrix_id=person, now=now)
        await members.joined(db, group_id, room, UserId(person), now=now)
    await looked_after(db, room, group_id, now)
    found = {UserId(person): reach for person, reach in REACHES.items()}
    await encryption_health.reached(db, {room: found | {ADA: Reach(given=1, refused=1)}}, now=hour_ago)
    matrix = MatrixRoomId(f"!{group_id}:panel.test")
    uma = UserId("@uma:chat.test")
    await unread.could_not_read(db, EventId("$uma"), room=matrix, session_id="s", sender=uma, now=hour_ago)
    vito, pin = UserId("@vito:chat.test"), {"since": hour_ago, "changed": hour_ago}
    db.add(PinnedIdentity(bot_account_id=bot.id, person_index=vito, master_key="another", **pin))


async def unsaid(db: AsyncSession, group_id: GroupId, utterance: str, outcome: str | None, *, now: datetime) -> None:
    """Something the bot could not say in the room: given up, of unknown outcome, or (None) waiting for long."""
    room, act = await rooms.group_room_id(db, group_id), because("test", group_id, utterance, outcome)
    put, words = now - WAITS_LONG, {"words": "canary"}
    await outbox.put(db, act, room, utterance=utterance, parameters=words, priority=outbox.Priority.REPLY, now=put)
    if outcome is not None:
        await outbox.settle(db, act, outcome, now=now, why="M_TOO_LARGE")


async def invite_many(db: AsyncSession, by: AccountId, group_id: GroupId, number: int, now: datetime) -> None:
    for each in range(number):
        await members.invite(db, by=by, group_id=group_id, matrix_id=f"@member{each}:chat.test", now=now)


async def looked_after(db: AsyncSession, room: RoomId, group_id: GroupId, now: datetime) -> None:
    """The bridge looked at the room and found nothing left to do."""
    encryption = {"algorithm": "m.megolm.v1.aes-sha2"}
    found = Looked(MatrixRoomId(f"!{group_id}:panel.test"), encryption, "joined", {}, 1_000, at=now)
    await sightings.looked(db, room, found, now=now)


async def sign_in(database: Database, account: AccountId, now: datetime) -> tuple[str, str]:
    """A cookie's token and the form token that goes with it."""
    async with database.transaction() as db:
        link = await accounts.issue_link(db, account, now=now)
        token = await accounts.redeem_link(db, link, browser="Firefox", now=now)
        found = await accounts.signed_in(db, token, now=now)
    assert found is not None
    return token, found.form_token
