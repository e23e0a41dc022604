"""Coordinators add people, let them in, change what they are, disable them, and find somebody for lone groups."""

import re

from sqlalchemy import event

from facilitator import accounts, facilitators
from facilitator.database import Database
from facilitator.database.tables import Account
from facilitator.database.wakeup import Bell
from facilitator.ids import AccountId, new_id
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.conftest import SignIn, rang
from tests.web.sample import DAN, Sample
from tests.web.visitor import Visitor

FAY = {"name": "Fay", "role": "facilitator", "matrix_id": ""}


async def add(ada: Visitor, **other: str) -> tuple[AccountId, str]:
    """Adds Fay as the form does, and returns her account and the path of her link."""
    account = AccountId(new_id())
    page = await ada.post("/people/new", {"account": account, **FAY, **other})
    found = re.search(r"https://panel\.test(/sign-in/[\w-]{43})</textarea>", page.text)
    assert page.status == 200 and found, page.words
    return account, found[1]


async def test_somebody_is_added_and_comes_in_by_the_link_shown_once(ada: Visitor, cast: Sample) -> None:
    assert "Everybody who can sign in here." in (await ada.get("/people")).words
    form = await ada.get("/people/new")
    assert re.search(r'name="account" value="[0-9a-f-]{36}"', form.text)
    account, link = await add(ada)
    page = await ada.get(f"/people/{account}")
    assert "Fay" in page.words and "Not linked yet" in page.words and link not in page.text
    fay = Visitor(ada.session, ada.base)
    assert (await fay.post(link)).status == 303
    assert "You are signed in as Fay." in (await fay.get("/me")).words
    assert (await fay.get("/people")).status == 403


async def test_the_form_sent_again_leads_to_the_account_and_shows_no_link(ada: Visitor, cast: Sample) -> None:
    account, _ = await add(ada)
    again = await ada.post("/people/new", {"account": account, **FAY})
    assert again.status == 303 and again.location == f"/people/{account}"


async def test_what_cannot_be_used_is_explained_and_stays(ada: Visitor, cast: Sample) -> None:
    page = await ada.post("/people/new", {"account": new_id(), **FAY, "matrix_id": DAN})
    assert page.status == 422 and "There is an account with this Matrix ID already." in page.words
    assert f'value="{DAN}"' in page.text and 'value="Fay"' in page.text
    for wrong in ({"name": ""}, {"role": "member"}, {"role": ""}, {"name": "x" * 81}):
        assert (await ada.post("/people/new", {"account": new_id(), **FAY, **wrong})).status == 422


async def test_a_fresh_link_works_and_the_one_before_does_not(ada: Visitor, cast: Sample) -> None:
    account, first = await add(ada)
    page = await ada.post(f"/people/{account}/link")
    assert page.status == 200 and "shown only this once" in page.words
    assert (await Visitor(ada.session, ada.base).get(first)).status == 404


async def test_roles_change_and_a_coordinator_remains(ada: Visitor, cast: Sample) -> None:
    answer = await ada.post(f"/people/{cast.dan}/role", {"role": "facilitator"})
    assert answer.status == 303 and "Their role is changed." in (await ada.get(answer.location)).words
    page = await ada.post(f"/people/{cast.ada}/role", {"role": "facilitator"})
    assert page.status == 422 and "There is always a coordinator." in page.words
    assert (await ada.post(f"/people/{cast.ada}/role", {})).status == 422
    await ada.post(f"/people/{cast.dan}/role", {"role": "coordinator"})
    answer = await ada.post(f"/people/{cast.ada}/role", {"role": "facilitator"})
    assert answer.location.startswith("/me") and "Your role is changed." in (await ada.get(answer.location)).words


async def test_disabling_ends_sign_ins_and_names_what_must_be_handed_over(
    ada: Visitor, dan: Visitor, cast: Sample, bell: Bell
) -> None:
    page = await dan.get(f"/people/{cast.ada}/disable")
    for name in ("Maple room", "Harbour room", "Willow room", "They are the only facilitator there."):
        assert name in page.words
    page = await dan.post(f"/people/{cast.ada}/disable", {"successor": ""})
    assert page.status == 422 and "Choose who takes these groups over" in page.words
    assert (await ada.get("/groups")).status == 200
    page = await dan.post(f"/people/{cast.ada}/disable", {"successor": cast.dan, "groups": ""})
    assert page.status == 422 and "There are other groups now" in page.words
    (shown,) = re.findall(r'name="groups" value="([^"]+)"', page.text)
    answer = await dan.post(f"/people/{cast.ada}/disable", {"successor": cast.dan, "groups": shown})
    assert answer.status == 303 and await rang(bell)
    assert "signed out everywhere" in (await dan.get(answer.location)).words
    assert (await ada.get("/groups")).status == 401
    assert "Maple room" in (await dan.get("/groups")).words
    answer = await dan.post(f"/people/{cast.ada}/enable")
    assert "The account is enabled again." in (await dan.get(answer.location)).words


async def test_a_lost_matrix_id_is_freed_with_a_reason(ada: Visitor, cast: Sample, bell: Bell) -> None:
    page = await ada.post(f"/people/{cast.dan}/free", {"reason": ""})
    assert page.status == 422
    answer = await ada.post(f"/people/{cast.dan}/free", {"reason": "He rang me up."})
    assert answer.status == 303 and await rang(bell)
    assert "The Matrix ID is unlinked." in (await ada.get(answer.location)).words
    assert (await ada.post(f"/people/{cast.ada}/free", {"reason": "x"})).status == 403


async def test_a_group_that_nobody_runs_is_given_away(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock, signed_in: SignIn
) -> None:
    eve, _ = await add(ada, name="Eve")
    async with database.transaction() as db:
        await facilitators.leave(db, by=cast.ada, group_id=cast.new, successor=eve, now=clock.now())
        (await db.get_one(Account, eve)).disabled = clock.now()
    page = await ada.get("/people")
    assert "Groups without a facilitator Nobody runs these groups any more." in page.words
    path = f"/people/groups/{cast.new}"
    assert "Harbour room" in (await ada.get(path)).words
    assert (await ada.post(path, {"account": eve})).status == 422
    assert (await ada.post(path, {"account": ""})).status == 422
    answer = await ada.post(path, {"account": cast.dan})
    assert answer.status == 303 and "The group has a facilitator again." in (await ada.get(answer.location)).words
    assert "Harbour room" in (await (await signed_in(cast.dan)).get("/groups")).words


async def test_a_draft_of_somebody_else_is_let_open(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    async with database.transaction() as db:
        draft = await sample.start_group(db, cast.dan, "Birch room", clock.now())
    assert "Drafts that wait" in (await ada.get("/people")).words
    path = f"/people/groups/{draft}/open"
    assert "A second facilitator" in (await ada.get(path)).words
    assert (await ada.post(path, {"reason": " "})).status == 422
    answer = await ada.post(path, {"reason": "Somebody comes in May."})
    assert "The group is open." in (await ada.get(answer.location)).words
    assert (await ada.get(path)).status == 404


async def test_the_list_asks_as_much_for_sixty_as_for_two(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    counted = [await statements(ada, database)]
    async with database.transaction() as db:
        for number in range(60):
            await accounts.add_coordinator(db, name=f"Zoe {number}", matrix_id=f"@zoe{number}:test", now=clock.now())
    counted.append(await statements(ada, database))
    page = await ada.get("/people?page=2")
    assert "Page 2 of 2" in page.words and counted[0] == counted[1] <= 10


async def statements(visitor: Visitor, database: Database) -> int:
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await visitor.get("/people")
    event.remove(engine, "before_cursor_execute", note)
    return sum(statement.lstrip().upper().startswith("SELECT") for statement in said)
