"""Kept forms: one for each page, within bounds, and each account's own."""

from datetime import UTC, datetime, timedelta

from facilitator import form_tokens, kept_forms
from facilitator.database import Database
from facilitator.ids import AccountId
from tests import cast

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


async def keep(database: Database, account: AccountId, page: str, text: str, minute: int = 0) -> bool:
    async with database.transaction() as db:
        now = NOW + timedelta(minutes=minute)
        return await kept_forms.keep(db, account_id=account, page=page, action=page, fields={page: text}, now=now)


async def of_page(database: Database, account: AccountId, page: str) -> kept_forms.Kept | None:
    async with database.reading() as db:
        return await kept_forms.of_page(db, account_id=account, page=page, now=NOW + timedelta(minutes=30))


async def test_one_for_each_page_and_the_others_are_told_of(any_database: Database) -> None:
    ada = (await cast.enter(any_database, now=NOW)).ada
    for minute, (page, text) in enumerate([("/a", "first"), ("/b", "other"), ("/a", "second")]):
        assert await keep(any_database, ada, page, text, minute)
    kept = await of_page(any_database, ada, "/a")
    assert kept is not None and kept.fields == {"/a": "second"} and kept.others == ("/b",)


async def test_the_same_form_anew_takes_its_place_and_another_is_added(database: Database) -> None:
    ada = (await cast.enter(database, now=NOW)).ada
    async with database.transaction() as db:
        for action, fields in (("/a", {"name": "x", "zone": "y"}), ("/a", {"name": ""}), ("/a/b", {"other": "z"})):
            await kept_forms.keep(db, account_id=ada, page="/a", action=action, fields=fields, now=NOW)
    kept = await of_page(database, ada, "/a")
    assert kept is not None and kept.fields == {"name": "", "other": "z"}


async def test_64_kib_at_most_and_twenty_pages(database: Database) -> None:
    ada = (await cast.enter(database, now=NOW)).ada
    assert await keep(database, ada, "/a", "x" * (kept_forms.MOST_BYTES - 2))
    assert not await keep(database, ada, "/b", "x" * kept_forms.MOST_BYTES)
    for number in range(21):
        await keep(database, ada, f"/{number}", "text", number + 1)
    kept = await of_page(database, ada, "/20")
    assert kept is not None and len(kept.others) == 19 and "/a" not in kept.others and "/0" not in kept.others


async def test_a_token_names_its_account_for_a_day_and_only_with_our_key(database: Database) -> None:
    people = await cast.enter(database, now=NOW)
    async with database.transaction() as db:
        first, second = (form_tokens.new(db, people.ada, now=NOW) for _ in range(2))
        assert first != second and people.ada not in first
        assert await form_tokens.whose(db, first, now=NOW + timedelta(hours=23)) == people.ada
        assert await form_tokens.whose(db, first, now=NOW + timedelta(days=1)) is None
        for forged in ("", "x", first[:-4] + "AAAA", second[:40] + first[40:], "ä", "\0", "A" * 9000):
            assert await form_tokens.whose(db, forged, now=NOW) is None
