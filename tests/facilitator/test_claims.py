"""A Matrix id is somebody's once the code was said from it, and another takes its place once both have said it."""

import asyncio
import math
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from facilitator import accounts, claims, facilitators, members, rooms, strangers
from facilitator.claims import Outcome
from facilitator.database import Database
from facilitator.database.tables import Account, Act, JournalEntry, MatrixClaim, Room, Stranger
from facilitator.errors import Invalid, NotAllowed, NotFound, TooLate
from facilitator.ids import AccountId, UserId, new_id
from tests.cast import ADA, BEN, BOT, DAN, EVE
from tests.facilitator.scene import NOW, Scene

MINUTE = timedelta(minutes=1)
NEW = UserId("@ada.new:test")


async def newcomer(scene: Scene, name: str = "Fay") -> AccountId:
    """Somebody with an account and no Matrix id, who runs the scene's group as well."""
    account = AccountId(new_id())
    async with scene.database.transaction() as db:
        db.add(Account(id=account, role="facilitator", name=name, created=NOW))
        await db.flush()
        await facilitators.add(
            db, by=scene.cast.ada, group_id=scene.group, account_id=account, part="facilitator", now=NOW
        )
    return account


async def claim(scene: Scene, by: AccountId, matrix_id: str, now: datetime = NOW) -> str:
    async with scene.database.transaction() as db:
        return await claims.claim(db, by=by, matrix_id=matrix_id, now=now)


async def say(scene: Scene, person: UserId, code: str, now: datetime = NOW + MINUTE) -> Outcome:
    async with scene.database.transaction() as db:
        return await claims.said(db, person=person, code=code, now=now)


async def linked(scene: Scene, account: AccountId) -> UserId | None:
    async with scene.database.reading() as db:
        return (await db.get_one(Account, account)).matrix_id


async def verbs(scene: Scene) -> list[str]:
    async with scene.database.reading() as db:
        return list(await db.scalars(select(JournalEntry.verb).order_by(JournalEntry.at, JournalEntry.verb)))


async def test_the_code_said_to_the_bot_proves_it_and_the_room_opens(any_scene: Scene) -> None:
    fay = await newcomer(any_scene)
    before = await any_scene.revision()
    code = await claim(any_scene, fay, EVE)
    assert EVE not in (await any_scene.wanted()).people
    assert await say(any_scene, EVE, f" {code.upper().replace('-', ' ')} ") is Outcome.PROVEN
    assert await linked(any_scene, fay) == EVE
    wanted = await any_scene.wanted()
    assert EVE in wanted.people and wanted.power_levels["users"][EVE] == 50
    assert await any_scene.revision() > before and "matrix id linked" in await verbs(any_scene)
    assert await say(any_scene, EVE, code) is Outcome.NONE


async def test_a_code_has_forty_bits_and_is_typed_with_letters_alone(scene: Scene) -> None:
    code = await claim(scene, await newcomer(scene), EVE)
    assert claims.LENGTH * math.log2(len(claims.LETTERS)) >= 40
    assert len(code) == 11 and code[5] == "-" and set(code) <= set(claims.LETTERS) | {"-"}


async def test_of_the_code_and_the_matrix_id_nothing_is_kept_in_clear(scene: Scene) -> None:
    code = await claim(scene, await newcomer(scene), EVE)
    assert scene.database.file is not None
    kept = scene.database.file.read_bytes()
    for secret in (code, code.replace("-", ""), EVE):
        assert secret.encode() not in kept
    async with scene.database.reading() as db:
        assert accounts.digest(code.replace("-", "")) != await db.scalar(select(MatrixClaim.code_hash))


async def test_who_claims_may_speak_with_the_bot_alone_as_long_as_the_code_lasts(any_scene: Scene) -> None:
    await claim(any_scene, await newcomer(any_scene), EVE)
    async with any_scene.database.reading() as db:
        assert await members.known_here(db, EVE, now=NOW + 29 * MINUTE)
        assert not await members.known_here(db, EVE, now=NOW + 30 * MINUTE)
        room = await db.scalar(select(Room.id).where(Room.kind == "direct", Room.person_index == EVE))
        assert room is not None and (await rooms.wanted(db, room, now=NOW)).people == {EVE}


async def test_after_half_an_hour_or_five_wrong_ones_only_a_new_code_helps(any_scene: Scene) -> None:
    fay = await newcomer(any_scene)
    code = await claim(any_scene, fay, EVE)
    assert await say(any_scene, EVE, code, NOW + 30 * MINUTE) is Outcome.EXPIRED
    code = await claim(any_scene, fay, EVE)
    told = [await say(any_scene, EVE, "bbbbb-bbbbb") for _ in range(5)]
    assert told == [Outcome.WRONG] * 4 + [Outcome.EXPIRED]
    assert await say(any_scene, EVE, code) is Outcome.EXPIRED and await linked(any_scene, fay) is None
    assert await say(any_scene, EVE, await claim(any_scene, fay, EVE)) is Outcome.PROVEN


async def test_a_code_counts_only_from_the_id_it_was_asked_for(scene: Scene) -> None:
    code = await claim(scene, await newcomer(scene), EVE)
    assert await say(scene, BEN, code) is Outcome.NONE
    assert await say(scene, DAN, code) is Outcome.NONE


async def test_another_id_takes_the_place_of_the_old_one_once_both_have_said_the_code(any_scene: Scene) -> None:
    scene, ada = any_scene, any_scene.cast.ada
    await scene.looked()
    code = await claim(scene, ada, NEW)
    async with scene.database.reading() as db:
        told = select(Act.utterance).join(Room, Room.id == Act.room_id).where(Room.person_index == ADA)
        assert list(await db.scalars(told)) == ["other_matrix_id"]
    assert await say(scene, NEW, code) is Outcome.WAITING_FOR_OTHER
    assert await say(scene, NEW, code) is Outcome.WAITING_FOR_OTHER, "saying it twice does not make two ends"
    assert await linked(scene, ada) == ADA
    async with scene.database.reading() as db:
        seen = await claims.open_of(db, ada, now=NOW + MINUTE)
    assert seen is not None and (seen.proven, seen.agreed, seen.has_old) == (True, False, True)
    assert await say(scene, ADA, code) is Outcome.PROVEN
    assert await linked(scene, ada) == NEW
    wanted = await scene.wanted()
    assert NEW in wanted.people and ADA not in wanted.power_levels["users"]
    async with scene.database.reading() as db:
        out = await strangers.among(db, scene.room, [ADA], now=NOW + MINUTE)
    assert out.due == {ADA}, "the old one is put out at the next look"


async def test_the_old_end_may_say_it_first(scene: Scene) -> None:
    code = await claim(scene, scene.cast.ada, NEW)
    assert await say(scene, ADA, code) is Outcome.WAITING_FOR_OTHER
    assert await say(scene, NEW, code) is Outcome.PROVEN


async def test_both_ends_saying_it_at_once_link_it_once(any_scene: Scene) -> None:
    code = await claim(any_scene, any_scene.cast.ada, NEW)
    told = await asyncio.gather(say(any_scene, NEW, code), say(any_scene, ADA, code))
    assert sorted(each.name for each in told) == ["PROVEN", "WAITING_FOR_OTHER"]
    assert await linked(any_scene, any_scene.cast.ada) == NEW


async def test_an_id_that_is_a_bots_or_anothers_or_no_id_is_refused(scene: Scene) -> None:
    for wrong, sentence in (
        (BOT, claims.OURS), (DAN, claims.TAKEN), (ADA, claims.YOURS_ALREADY), ("ada", "starts with @")
    ):  # fmt: skip
        with pytest.raises(Invalid, match=sentence.split(".")[0]) as refusal:
            await claim(scene, scene.cast.ada, wrong)
        assert refusal.value.field == "matrix_id"


async def test_of_two_who_claim_the_same_id_the_first_to_prove_it_has_it(any_scene: Scene) -> None:
    fay, gil = await newcomer(any_scene), await newcomer(any_scene, "Gil")
    one, other = await claim(any_scene, fay, EVE), await claim(any_scene, gil, EVE)
    assert await say(any_scene, EVE, other) is Outcome.PROVEN
    assert await say(any_scene, EVE, one) is Outcome.NONE
    assert (await linked(any_scene, fay), await linked(any_scene, gil)) == (None, EVE)


async def test_nobody_is_asked_into_rooms_without_end(scene: Scene) -> None:
    for number in range(claims.MOST_CLAIMS):
        await claim(scene, scene.cast.ada, f"@ada{number}:test")
    with pytest.raises(Invalid, match="several codes"):
        await claim(scene, scene.cast.ada, NEW)
    assert await claim(scene, scene.cast.ada, NEW, NOW + 61 * MINUTE)


async def test_a_coordinator_frees_who_has_lost_the_old_one_and_says_why(any_scene: Scene) -> None:
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    code = await claim(scene, ada, NEW)
    assert await say(scene, NEW, code) is Outcome.WAITING_FOR_OTHER
    async with scene.database.transaction() as db:
        await claims.free(db, by=dan, account_id=ada, reason="  Rang me up; her phone is gone.", now=NOW + MINUTE)
    assert await linked(scene, ada) == NEW, "the new end had said the code already"
    async with scene.database.reading() as db:
        entry = (await db.scalars(select(JournalEntry).where(JournalEntry.verb == "matrix id freed"))).one()
    assert (entry.actor, entry.subject, entry.reason) == (dan, ada, "Rang me up; her phone is gone.")


async def test_freeing_needs_a_coordinator_a_reason_and_somebody_else(scene: Scene) -> None:
    fay, ada = await newcomer(scene), scene.cast.ada
    for by, whom, reason, refused in (
        (fay, ada, "lost", NotAllowed), (ada, ada, "lost", NotAllowed), (scene.cast.dan, ada, " ", Invalid),
        (ada, fay, "lost", NotFound), (ada, AccountId(new_id()), "lost", NotFound),
    ):  # fmt: skip
        with pytest.raises(refused):
            async with scene.database.transaction() as db:
                await claims.free(db, by=by, account_id=whom, reason=reason, now=NOW)
    assert await linked(scene, ada) == ADA


async def test_the_journal_names_no_matrix_id(scene: Scene) -> None:
    await say(scene, EVE, await claim(scene, await newcomer(scene), EVE))
    async with scene.database.reading() as db:
        for entry in await db.scalars(select(JournalEntry)):
            assert "@" not in f"{entry.actor}{entry.subject}{entry.verb}{entry.reason or ''}"


async def test_what_somebody_else_believes_proves_nothing(scene: Scene) -> None:
    fay = await newcomer(scene)
    async with scene.database.transaction() as db:
        await claims.suggest(db, fay, EVE, now=NOW)
    assert await say(scene, EVE, "bcdfg-hjkmn", NOW) is Outcome.NONE
    async with scene.database.reading() as db:
        assert not await members.known_here(db, EVE, now=NOW)
        assert await claims.suggested(db, fay) == EVE and await claims.open_of(db, fay, now=NOW) is None
        assert await db.scalar(select(func.count()).select_from(Room).where(Room.kind == "direct")) == 0


async def test_a_claim_that_is_dropped_is_over(scene: Scene) -> None:
    fay = await newcomer(scene)
    code = await claim(scene, fay, EVE)
    async with scene.database.transaction() as db:
        await claims.drop(db, by=fay, now=NOW)
    assert await say(scene, EVE, code) is Outcome.NONE


async def test_the_code_of_a_disabled_account_is_nobodys(scene: Scene) -> None:
    fay = await newcomer(scene)
    code = await claim(scene, fay, EVE)
    async with scene.database.transaction() as db:
        await db.execute(update(Account).where(Account.id == fay).values(disabled=NOW))
    assert await say(scene, EVE, code) is Outcome.NONE


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kfmrb-twzdh", True), ("Kfmrb twzdh", True), ("My code is KFMRBTWZDH.", True), ("kfm rbt wzd h", True),
        ("kfmrb-twzd", True), ("help", False), ("Hello, shall we talk on Tuesday?", False), ("rhythms", False),
        ("", False), ("bcdfghjkmnpqrstvwxyzbcdfghjkmnpq", False), ("k" * 40_000, False),
    ],
)  # fmt: skip
def test_a_code_is_told_from_talk(text: str, found: bool) -> None:
    assert (claims.code_in(text) is not None) is found


# ------------------------------------------------------------------------------------------------ the bot's fresh links


async def test_the_bot_gives_a_fresh_link_to_whose_id_is_proven(any_database: Database, any_scene: Scene) -> None:
    async with any_database.transaction() as db:
        token = await accounts.panel_link(db, person=ADA, now=NOW)
        assert await accounts.panel_link(db, person=EVE, now=NOW) is None
    assert token is not None
    async with any_database.transaction() as db:
        assert await accounts.redeem_link(db, token, browser="Firefox", now=NOW)


async def test_five_links_an_hour_are_enough(scene: Scene) -> None:
    for _ in range(5):
        async with scene.database.transaction() as db:
            assert await accounts.panel_link(db, person=ADA, now=NOW)
    with pytest.raises(TooLate, match="several sign-in links"):
        async with scene.database.transaction() as db:
            await accounts.panel_link(db, person=ADA, now=NOW + 59 * MINUTE)
    async with scene.database.transaction() as db:
        assert await accounts.panel_link(db, person=ADA, now=NOW + 60 * MINUTE)
        assert await accounts.panel_link(db, person=DAN, now=NOW)


async def test_a_disabled_account_gets_no_link(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        await db.execute(update(Account).where(Account.id == scene.cast.ada).values(disabled=NOW))
        assert await accounts.panel_link(db, person=ADA, now=NOW) is None


async def test_who_is_put_out_because_their_place_is_gone_is_told_to_nobody(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        await strangers.place_is_gone(db, scene.group, EVE, now=NOW)
        assert not await strangers.known_now(db, scene.room, EVE)
        assert await db.get(Stranger, (scene.room, EVE)) is None
