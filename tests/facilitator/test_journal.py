"""The journal tells who did what, by ids of ours: never a name, a Matrix id or a word."""

from sqlalchemy import delete, select

from facilitator import accounts, journal
from facilitator.database.tables import Group, JournalEntry
from tests.cast import ADA, BEN
from tests.facilitator.scene import NOW, Scene


async def entries(scene: Scene) -> list[JournalEntry]:
    async with scene.database.reading() as db:
        return list(await db.scalars(select(JournalEntry)))


async def test_every_deed_is_noted_with_ids_of_ours_alone(any_scene: Scene) -> None:
    scene = any_scene
    member = await scene.invite(BEN)
    await scene.joined(BEN)
    await scene.removed(BEN, by=ADA)
    series = await scene.schedule()
    async with scene.database.transaction() as db:
        link = await accounts.issue_link(db, scene.cast.ada, now=NOW)
        await accounts.redeem_link(db, link, browser="Firefox", now=NOW)
    noted = await entries(scene)
    ada, group = scene.cast.ada, scene.group
    assert {(each.verb, each.actor, each.group_id, each.subject) for each in noted} >= {
        ("account added", ada, None, ada),
        ("group started", ada, group, None),
        ("group opened, what is missing waived", ada, group, None),
        ("member invited", ada, group, member),
        ("member joined", member, group, None),
        ("member removed", ada, group, member),
        ("series scheduled", ada, group, series),
        ("sign-in link made", ada, None, ada),
        ("signed in", ada, None, None),
    }
    assert {each.at for each in noted} == {NOW}
    told = " ".join(f"{each.verb} {each.actor} {each.subject}" for each in noted)
    assert "@" not in told and link not in told and "Maple" not in told


async def test_what_was_refused_is_not_noted(scene: Scene) -> None:
    before = len(await entries(scene))
    await scene.left(BEN)
    await scene.removed(BEN, by=ADA)
    assert await scene.joined(BEN) is None
    assert len(await entries(scene)) == before


async def test_an_entry_outlives_its_group(any_scene: Scene) -> None:
    async with any_scene.database.transaction() as db:
        await journal.note(db, "noticed", actor=journal.BRIDGE, group_id=any_scene.group, now=NOW)
        await db.flush()
        await db.execute(delete(Group))
    (noticed,) = [each for each in await entries(any_scene) if each.verb == "noticed"]
    assert (noticed.actor, noticed.group_id) == ("bridge", None)
