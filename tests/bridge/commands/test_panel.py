"""A link to the panel: for whoever has an account, where nobody else reads, from a device of theirs; one for each
asking."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from facilitator import accounts, outbox, pinned, rooms, sightings
from facilitator.database.tables import Account, Act, Link
from facilitator.ids import RoomId, UserId
from facilitator.rooms import Place
from tests.bridge.commands.test_answer import Asking, asking, direct_with
from tests.cast import ADA, BEN, EVE
from tests.clock import MONDAY_NOON

__all__ = ["asking"]

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def alone(asking: Asking) -> Place:
    """Ada and the bot."""
    place = await direct_with(asking.house, ADA)
    await seen(asking, place.id, {ADA: "join"})
    return place


async def seen(asking: Asking, room: RoomId, people: Mapping[UserId, str]) -> None:
    async with asking.house.database.transaction() as db:
        await sightings.people_seen(db, room, people, now=MONDAY_NOON)


async def identity(asking: Asking, key: str, *, now: Any = MONDAY_NOON) -> None:
    async with asking.house.database.transaction() as db:
        await pinned.seen(db, asking.house.house.bot, {ADA: key}, now=now)


async def links(asking: Asking) -> int:
    async with asking.house.database.reading() as db:
        return await db.scalar(select(func.count()).select_from(Link)) or 0


async def test_the_link_signs_in_once_and_is_kept_nowhere_in_clear(asking: Asking, alone: Place) -> None:
    await asking.say("panel", sender=ADA, place=alone)
    (act,) = await asking.acts()
    assert (act.utterance, act.not_after) == ("panel_link", MONDAY_NOON + accounts.LINK_LASTS)
    token = str(act.parameters["path"]).removeprefix("/sign-in/")
    async with asking.house.database.transaction() as db:
        tables = await db.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        everything = [row for name in tables.all() for row in await db.execute(text(f'SELECT * FROM "{name}"'))]
        assert everything
        assert token not in repr(everything)
        cookie = await accounts.redeem_link(db, token, browser="Firefox", now=MONDAY_NOON + MINUTE)
        signed_in = await accounts.signed_in(db, cookie, now=MONDAY_NOON + MINUTE)
        assert signed_in is not None and signed_in.account_id == asking.house.cast.ada
        with pytest.raises(accounts.TooLate):
            await accounts.redeem_link(db, token, browser="Firefox", now=MONDAY_NOON + MINUTE)


async def test_asked_for_once_and_heard_again_it_is_one_link(asking: Asking, alone: Place) -> None:
    for minutes in (0, 1, 90):
        asking.events = 0
        await asking.say("Panel!", sender=ADA, place=alone, now=MONDAY_NOON + minutes * MINUTE)
    assert (await asking.answers(), await links(asking)) == (["panel_link"], 1)


async def test_what_was_said_is_wiped(asking: Asking) -> None:
    house = asking.house
    async with house.database.transaction() as db:
        await rooms.offer_direct(db, await rooms.direct_with(db, ADA, now=MONDAY_NOON))
    await house.settle()
    (room,) = house.direct_rooms(ADA)
    await house.person(ADA).join(room.room)
    await house.person(ADA).say(room.room, "panel")
    await house.settle()
    (said,) = house.said(room.room)
    assert "https://panel.test/sign-in/" in said
    async with house.database.reading() as db:
        assert list(await db.scalars(select(Act.parameters).where(Act.utterance == "panel_link"))) == [None]


@pytest.mark.parametrize("how", [{"bound": False}, {"bound": False, "encrypted": False}])
async def test_nothing_comes_of_what_no_device_of_theirs_said(
    asking: Asking, alone: Place, how: dict[str, Any]
) -> None:
    await asking.say("panel", sender=ADA, place=alone, **how)
    assert (await asking.answers(), await links(asking)) == ([], 0)


async def test_a_device_its_owner_has_not_confirmed_gets_none_whether_others_are_confirmed_or_none_is(
    asking: Asking, alone: Place
) -> None:
    await asking.say("panel", sender=ADA, place=alone, signed=False)
    assert await links(asking) == 0
    await identity(asking, "first key")
    await asking.say("panel", sender=ADA, place=alone, signed=False)
    await asking.say("panel", sender=ADA, place=alone, signed=True)
    assert await asking.answers() == ["panel_not_confirmed", "panel_not_confirmed", "panel_link"]


async def test_who_shows_a_new_identity_gets_none_for_two_weeks(asking: Asking, alone: Place) -> None:
    for key in ("first key", "another key"):
        await identity(asking, key)
    for days in (0, 13, 14):
        now = MONDAY_NOON + timedelta(days=days)
        await asking.say("panel", sender=ADA, place=alone, sent_at=now, now=now)
    assert await asking.answers() == ["panel_new_identity", "panel_new_identity", "panel_link"]


async def test_in_a_group_and_backstage_it_is_said_where_to_ask_and_a_room_is_offered(asking: Asking) -> None:
    await asking.say("!panel", sender=ADA)
    (act,) = await asking.acts()
    assert (act.utterance, act.room_id, await links(asking)) == ("panel_alone", asking.place.id, 0)
    await asking.house.settle()
    (offered,) = asking.house.direct_rooms(ADA)
    assert offered.membership(ADA) == "invite"


async def test_a_member_who_asks_in_the_group_is_asked_into_no_room(asking: Asking) -> None:
    await asking.say("!panel", sender=BEN)
    await asking.house.settle()
    assert (await asking.answers(), asking.house.direct_rooms(BEN)) == (["panel_alone"], [])


async def test_a_room_of_two_into_which_others_were_asked_is_not_alone(asking: Asking, alone: Place) -> None:
    await seen(asking, alone.id, {BEN: "invite"})
    await asking.say("panel", sender=ADA, place=alone)
    await asking.say("panel", sender=BEN, place=alone)
    await seen(asking, alone.id, {BEN: "leave"})
    await asking.say("panel", sender=ADA, place=alone)
    assert await asking.answers() == ["panel_alone", "panel_alone", "panel_link"]


@pytest.mark.parametrize("who", ["nobody with an account", "a disabled account"])
async def test_who_has_no_account_is_told_so_kindly(asking: Asking, alone: Place, who: str) -> None:
    place, person = (alone, ADA) if who == "a disabled account" else (await direct_with(asking.house, EVE), EVE)
    async with asking.house.database.transaction() as db:
        (await db.get_one(Account, asking.house.cast.ada)).disabled = MONDAY_NOON
    await asking.say("panel", sender=person, place=place)
    assert (await asking.answers(), await links(asking)) == (["panel_unknown"], 0)


async def test_links_are_not_had_without_end(asking: Asking, alone: Place) -> None:
    for n in range(accounts.MOST_LINKS_ASKED + 2):
        await asking.say("panel", sender=ADA, place=alone, now=MONDAY_NOON + n * MINUTE)
        await _settle(asking)
    assert (await asking.answers())[-2:] == ["panel_often", "panel_often"]
    assert await links(asking) == accounts.MOST_LINKS_ASKED


async def _settle(asking: Asking) -> None:
    async with asking.house.database.transaction() as db:
        for act in await db.scalars(select(Act.id).where(Act.outcome.is_(None))):
            await outbox.settle(db, act, "sent", now=MONDAY_NOON)
