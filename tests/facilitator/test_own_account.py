"""Everybody changes their own name, language and place, sees where they are signed in, and ends it elsewhere."""

from datetime import timedelta

import pytest

from facilitator import accounts, own_account
from facilitator.errors import Invalid, NotFound
from facilitator.own_account import Own
from tests.cast import ADA, BOT
from tests.facilitator.scene import NOW, Scene


async def sign_in(scene: Scene, browser: str = "Firefox") -> str:
    async with scene.database.transaction() as db:
        link = await accounts.issue_link(db, scene.cast.ada, now=NOW)
        return await accounts.redeem_link(db, link, browser=browser, now=NOW)


async def own(scene: Scene, cookie: str, now: timedelta = timedelta()) -> Own:
    async with scene.database.reading() as db:
        return await own_account.own(db, by=scene.cast.ada, cookie_token=cookie, now=NOW + now)


async def test_one_sees_ones_own_account_and_where_one_is_signed_in(any_scene: Scene) -> None:
    cookie, _ = await sign_in(any_scene), await sign_in(any_scene, "Safari")
    seen = await own(any_scene, cookie)
    assert (seen.name, seen.role, seen.matrix_id, seen.bots) == ("Ada", "coordinator", ADA, (BOT,))
    assert sorted((each.family, each.this) for each in seen.browsers) == [("Firefox", True), ("Safari", False)]
    assert not (await own(any_scene, cookie, timedelta(minutes=30))).browsers


async def test_what_is_changed_is_what_every_page_then_goes_by(any_scene: Scene) -> None:
    cookie = await sign_in(any_scene)
    async with any_scene.database.transaction() as db:
        await own_account.change(
            db, by=any_scene.cast.ada, name=" Ada  L ", language="de", time_zone="Europe/Lisbon", now=NOW
        )
    async with any_scene.database.reading() as db:
        who = await accounts.signed_in(db, cookie, now=NOW)
    assert who is not None and (who.name, who.language, who.time_zone) == ("Ada L", "de", "Europe/Lisbon")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"), ({"name": "x" * 81}, "name"), ({"language": "../de"}, "language"),
        ({"language": "x" * 13}, "language"), ({"time_zone": "Atlantis"}, "time_zone"),
    ],
)  # fmt: skip
async def test_what_cannot_be_used_is_said_beside_its_field(scene: Scene, typed: dict[str, str], field: str) -> None:
    wanted = {"name": "Ada", "language": None, "time_zone": None} | typed
    with pytest.raises(Invalid) as refusal:
        async with scene.database.transaction() as db:
            await own_account.change(db, by=scene.cast.ada, now=NOW, **wanted)  # type: ignore[arg-type]
    assert refusal.value.field == field


async def test_signing_out_everywhere_else_leaves_this_browser_and_no_link(any_scene: Scene) -> None:
    here, there = await sign_in(any_scene), await sign_in(any_scene)
    async with any_scene.database.transaction() as db:
        link = await accounts.issue_link(db, any_scene.cast.ada, now=NOW)
    async with any_scene.database.transaction() as db:
        await own_account.sign_out_elsewhere(db, by=any_scene.cast.ada, cookie_token=here, now=NOW)
    async with any_scene.database.reading() as db:
        assert await accounts.signed_in(db, here, now=NOW)
        assert await accounts.signed_in(db, there, now=NOW) is None
        with pytest.raises(NotFound):
            await accounts.link_state(db, link, now=NOW)
