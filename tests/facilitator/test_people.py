"""Coordinators look after the accounts of the house, see no group that is not theirs, and always remain."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from facilitator import accounts, claims, facilitators, people
from facilitator.database.tables import Account, Group, GroupFacilitator, JournalEntry, Link, MatrixClaim, SignIn
from facilitator.errors import Invalid, NotAllowed, NotFound, Refused, TooLate
from facilitator.ids import AccountId, new_id
from facilitator.people import People, PersonPage
from tests.cast import ADA, BOT, DAN, EVE
from tests.facilitator.scene import NOW, Scene

MINUTE = timedelta(minutes=1)


async def add(
    scene: Scene, name: str = "Fay", role: str = "facilitator", *, by: AccountId | None = None, matrix_id: str = "",
    account: AccountId | None = None,
) -> tuple[AccountId, str | None]:  # fmt: skip
    account = account or AccountId(new_id())
    async with scene.database.transaction() as db:
        token = await people.add(
            db, by=by or scene.cast.ada, account_id=account, name=name, role=role, matrix_id=matrix_id, now=NOW
        )
    return account, token


async def change_role(scene: Scene, account: AccountId, role: str, *, by: AccountId | None = None) -> None:
    async with scene.database.transaction() as db:
        await people.change_role(db, by=by or scene.cast.ada, account_id=account, role=role, now=NOW)


async def disable(scene: Scene, account: AccountId, successor: str = "", *, by: AccountId | None = None) -> None:
    async with scene.database.transaction() as db:
        await people.disable(db, by=by or scene.cast.ada, account_id=account, successor=successor, now=NOW)


async def enable(scene: Scene, account: AccountId, *, by: AccountId | None = None) -> None:
    async with scene.database.transaction() as db:
        await people.enable(db, by=by or scene.cast.ada, account_id=account, now=NOW)


async def fresh_link(scene: Scene, account: AccountId, *, by: AccountId | None = None) -> str:
    async with scene.database.transaction() as db:
        return await people.fresh_link(db, by=by or scene.cast.ada, account_id=account, now=NOW)


async def sign_in(scene: Scene, token: str, now: Any = NOW) -> str:
    async with scene.database.transaction() as db:
        return await accounts.redeem_link(db, token, browser="Firefox", now=now)


async def one(scene: Scene, account: AccountId, *, by: AccountId | None = None) -> PersonPage:
    async with scene.database.reading() as db:
        return await people.one(db, by=by or scene.cast.ada, account_id=account)


async def everybody(scene: Scene, page: int = 1) -> People:
    async with scene.database.reading() as db:
        return await people.all_of_them(db, by=scene.cast.ada, page=page)


async def test_who_is_added_comes_in_by_the_link_and_is_what_was_said(any_scene: Scene) -> None:
    fay, token = await add(any_scene, "  Fay   of the hills ")
    assert token is not None
    cookie = await sign_in(any_scene, token, NOW + MINUTE)
    async with any_scene.database.reading() as db:
        who = await accounts.signed_in(db, cookie, now=NOW + MINUTE)
        entry = (await db.scalars(select(JournalEntry).where(JournalEntry.verb == "facilitator account added"))).one()
    assert who is not None and (who.name, who.role) == ("Fay of the hills", "facilitator")
    assert (entry.actor, entry.subject) == (any_scene.cast.ada, fay)
    person = (await one(any_scene, fay)).person
    assert (person.linked, person.groups, person.signed_in, person.disabled) == (False, 0, NOW + MINUTE, None)


async def test_a_form_sent_twice_adds_nobody_twice(scene: Scene) -> None:
    fay, token = await add(scene)
    assert token is not None and await add(scene, "Somebody else", account=fay) == (fay, None)
    assert (await one(scene, fay)).person.name == "Fay"


async def test_a_matrix_id_typed_by_a_coordinator_is_believed_and_not_linked(scene: Scene) -> None:
    fay, _ = await add(scene, matrix_id=EVE)
    assert not (await one(scene, fay)).person.linked
    async with scene.database.reading() as db:
        assert await claims.suggested(db, fay) == EVE


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": " "}, "name"), ({"name": "x" * 81}, "name"), ({"role": "member"}, "role"),
        ({"matrix_id": "eve"}, "matrix_id"), ({"matrix_id": ADA}, "matrix_id"), ({"matrix_id": BOT}, "matrix_id"),
    ],
)  # fmt: skip
async def test_what_cannot_be_used_is_said_beside_its_field(scene: Scene, typed: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await add(scene, **typed)  # type: ignore[arg-type]
    assert refusal.value.field == field and len((await everybody(scene)).lines) == 2


async def test_only_coordinators_look_after_accounts(scene: Scene) -> None:
    fay, ada = (await add(scene))[0], scene.cast.ada
    for deed in (
        add(scene, "Gil", by=fay), change_role(scene, ada, "facilitator", by=fay), disable(scene, ada, by=fay),
        enable(scene, ada, by=fay), fresh_link(scene, ada, by=fay), one(scene, ada, by=fay),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            await deed
    assert (await one(scene, ada)).person.role == "coordinator"


async def test_a_fresh_link_ends_those_that_were_not_used(scene: Scene) -> None:
    fay, first = await add(scene)
    assert first is not None
    second = await fresh_link(scene, fay)
    with pytest.raises(NotFound):
        await sign_in(scene, first)
    assert await sign_in(scene, second)


async def test_groups_are_counted_and_named_only_where_they_are_ones_own(scene: Scene) -> None:
    dan = scene.cast.dan
    await scene.another_group("Cedar room", by=dan)
    seen = await one(scene, dan)
    assert (seen.person.groups, seen.person.shared) == (1, ())
    async with scene.database.transaction() as db:
        await facilitators.add(
            db, by=scene.cast.ada, group_id=scene.group, account_id=dan, part="co-facilitator", now=NOW
        )
    seen = await one(scene, dan)
    assert (seen.person.groups, seen.person.shared) == (2, ("Maple room",))


async def test_disabling_ends_sign_ins_links_and_claims_at_once(any_scene: Scene) -> None:
    scene, dan = any_scene, any_scene.cast.dan
    cookie, link = await sign_in(scene, await fresh_link(scene, dan)), await fresh_link(scene, dan)
    async with scene.database.transaction() as db:
        await claims.claim(db, by=dan, matrix_id=EVE, now=NOW)
    await disable(scene, dan)
    async with scene.database.reading() as db:
        assert await accounts.signed_in(db, cookie, now=NOW) is None
        for table in (SignIn, Link, MatrixClaim):
            assert (await db.scalars(select(table).where(table.account_id == dan))).first() is None
    for token in (link, cookie):
        with pytest.raises((NotFound, TooLate)):
            await sign_in(scene, token)
    with pytest.raises(NotAllowed):
        await fresh_link(scene, dan)
    await enable(scene, dan)
    async with scene.database.reading() as db:
        assert await accounts.signed_in(db, cookie, now=NOW) is None, "being let in again takes a new link"
    assert await sign_in(scene, await fresh_link(scene, dan))


async def test_a_group_is_handed_over_before_its_last_facilitator_is_disabled(any_scene: Scene) -> None:
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    page = await one(scene, ada, by=dan)
    assert page.alone_in == ((scene.group, "Maple room"),) and (dan, "Dan") in page.others
    for nobody in ("", AccountId(new_id()), ada):
        with pytest.raises(Invalid) as refusal:
            await disable(scene, ada, nobody, by=dan)
        assert refusal.value.field == "successor"
    await disable(scene, ada, dan, by=dan)
    wanted = await scene.wanted()
    assert DAN in wanted.people and set(wanted.power_levels["users"]) == {DAN}
    async with scene.database.reading() as db:
        verbs = list(await db.scalars(select(JournalEntry.verb).where(JournalEntry.actor == dan)))
    assert {"group handed over", "account disabled"} <= set(verbs)


async def test_whoever_takes_over_gets_no_group_that_was_not_shown(any_scene: Scene) -> None:
    """A group that came after the page was shown brings the page again."""
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    for shown, refused in (((), True), ((scene.group,), False)):
        try:
            async with scene.database.transaction() as db:
                await people.disable(db, by=dan, account_id=ada, successor=dan, shown=shown, now=NOW)
        except Invalid as refusal:
            assert refused and refusal.field == "successor"
        else:
            assert not refused


async def test_a_closed_group_is_handed_over_left_and_given_away_like_any_other(any_scene: Scene) -> None:
    """Else nobody could ever look at it, or delete it."""
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    async with scene.database.transaction() as db:
        await db.execute(update(Group).values(state="closed", closed=NOW, opened=None, room_goes_to="nobody"))
    assert (await one(scene, ada, by=dan)).alone_in == ((scene.group, "Maple room"),)
    with pytest.raises(Invalid):
        await disable(scene, ada, by=dan)
    await leave(scene, ada, dan)
    async with scene.database.transaction() as db:
        await db.execute(update(GroupFacilitator).values(role="co-facilitator"))
    async with scene.database.reading() as db:
        assert [group for group, _ in await facilitators.without(db, by=ada)] == [scene.group]
    async with scene.database.transaction() as db:
        await facilitators.give_away(db, by=ada, group_id=scene.group, account_id=ada, now=NOW)
    async with scene.database.reading() as db:
        assert await facilitators.without(db, by=ada) == []


async def test_a_coordinator_always_remains(any_scene: Scene) -> None:
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    with pytest.raises(NotAllowed, match="your own account"):
        await disable(scene, ada)
    await change_role(scene, dan, "facilitator")
    with pytest.raises(Invalid, match="always a coordinator"):
        await change_role(scene, ada, "facilitator")
    assert (await one(scene, ada)).only_coordinator
    await change_role(scene, dan, "coordinator")
    await change_role(scene, ada, "facilitator")


async def test_accounts_are_listed_by_name_the_disabled_last_fifty_to_a_page(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        for number in range(60):
            db.add(Account(id=AccountId(new_id()), role="facilitator", name=f"zoe {number:02}", created=NOW))
    await disable(scene, scene.cast.dan)
    first, last = await everybody(scene), await everybody(scene, 99)
    assert (first.pages, len(first.lines), len(last.lines), last.page) == (2, 50, 12, 2)
    assert first.lines[0].name == "Ada" and first.lines[0].myself and last.lines[-1].name == "Dan"


# ------------------------------------------------------------------------------------------------ at once


async def at_once(*deeds: Awaitable[Any]) -> list[Any]:
    found = await asyncio.gather(*deeds, return_exceptions=True)
    assert all(not isinstance(each, BaseException) or isinstance(each, Refused) for each in found), found
    return found


async def test_two_coordinators_who_stop_at_once_leave_one(any_scene: Scene) -> None:
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    await at_once(change_role(scene, ada, "facilitator", by=ada), change_role(scene, dan, "facilitator", by=dan))
    async with scene.database.reading() as db:
        assert len((await db.scalars(select(Account).where(Account.role == "coordinator"))).all()) == 1


async def test_two_coordinators_who_disable_each_other_leave_one(any_scene: Scene) -> None:
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    third, _ = await add(scene, "Fay")
    await at_once(disable(scene, ada, third, by=dan), disable(scene, dan, third, by=ada))
    async with scene.database.reading() as db:
        left = await db.scalars(select(Account.id).where(Account.role == "coordinator", Account.disabled.is_(None)))
        assert len(left.all()) == 1


async def test_no_group_is_left_to_somebody_who_is_disabled_at_that_moment(any_scene: Scene) -> None:
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    fay, _ = await add(scene)
    await at_once(leave(scene, ada, fay), disable(scene, fay, by=dan))
    async with scene.database.reading() as db:
        rows = await db.execute(
            select(Account.disabled, GroupFacilitator.role)
            .join(GroupFacilitator, GroupFacilitator.account_id == Account.id)
            .where(GroupFacilitator.group_id == scene.group)
        )
        assert [part for disabled, part in rows if disabled is None] == ["facilitator"]


async def leave(scene: Scene, by: AccountId, successor: str) -> None:
    async with scene.database.transaction() as db:
        await facilitators.leave(db, by=by, group_id=scene.group, successor=successor, now=NOW)
