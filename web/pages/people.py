"""The accounts of the house, for coordinators: who has one, adding and disabling, a way in, groups nobody runs."""

from typing import Any

from aiohttp.web import Request, Response

from facilitator import claims, facilitators, people, waivers
from facilitator.errors import Invalid, NotFound
from facilitator.facilitators import HAS_SOMEBODY
from facilitator.ids import AccountId, GroupId, new_id
from facilitator.people import Person
from web import forms, keys, life
from web.forms import Mistyped, Typed
from web.pages import go, see
from web.pages.groups import group_id, page_of


async def list_all(request: Request) -> Response:
    app = request.config_dict
    async with app[keys.DATABASE].reading() as db:
        found = await people.all_of_them(db, by=_me(request), page=page_of(request))
        without = await facilitators.without(db, by=_me(request))
        drafts = await waivers.waiting(
            db, by=_me(request), lines=app[keys.HOUSE].crisis_lines, now=app[keys.CLOCK].now()
        )
    return see(
        request, "people.html", people=found.lines, page=found.page, pages=found.pages, without=without, drafts=drafts,
        lacks=life.LACKS,
    )  # fmt: skip


async def new(request: Request) -> Response:
    return _new_form(request, Typed({"role": "facilitator", "account": new_id()}))


async def add(request: Request) -> Response:
    """The link is shown in the answer itself, since nothing but its hash is kept. The same form sent again leads to the
    account it made."""
    app = request.config_dict
    try:
        form = forms.read(request, forms.AddPerson)
        account = AccountId(form.account)
        async with app[keys.DATABASE].transaction() as db:
            token = await people.add(
                db, by=_me(request), account_id=account, name=form.name, role=form.role, matrix_id=form.matrix_id,
                now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        return _new_form(request, mistyped.typed)
    except Invalid as refusal:
        return _new_form(request, forms.typed(request, refusal))
    if token is None:
        return go(request, "person", account=account)
    return _link(request, await _person(request, account), token)


async def show(request: Request) -> Response:
    return await _page(request, "person.html", Typed())


async def fresh_link(request: Request) -> Response:
    forms.read(request, forms.Nothing)
    app = request.config_dict
    async with app[keys.DATABASE].transaction() as db:
        token = await people.fresh_link(db, by=_me(request), account_id=_account(request), now=app[keys.CLOCK].now())
    return _link(request, await _person(request, _account(request)), token)


async def change_role(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.ChangeRole)
        async with app[keys.DATABASE].transaction() as db:
            await people.change_role(
                db, by=_me(request), account_id=_account(request), role=form.role, now=app[keys.CLOCK].now()
            )
    except Mistyped as mistyped:
        return await _page(request, "person.html", mistyped.typed)
    except Invalid as refusal:
        return await _page(request, "person.html", forms.typed(request, refusal))
    if _account(request) == _me(request):  # who is no coordinator any more sees no such page
        return go(request, "me", done="role")
    return go(request, "person", account=_account(request), done="role")


async def ask_to_disable(request: Request) -> Response:
    return await _disabling(request, Typed())


async def disable(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.Disable)
        async with app[keys.DATABASE].transaction() as db:
            await people.disable(
                db, by=_me(request), account_id=_account(request), successor=form.successor,
                shown=form.groups.split(), now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        return await _disabling(request, mistyped.typed)
    except Invalid as refusal:
        return await _disabling(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "person", account=_account(request), done="disabled")


async def enable(request: Request) -> Response:
    app = request.config_dict
    forms.read(request, forms.Nothing)
    async with app[keys.DATABASE].transaction() as db:
        await people.enable(db, by=_me(request), account_id=_account(request), now=app[keys.CLOCK].now())
    await app[keys.BELL].ring()
    return go(request, "person", account=_account(request), done="enabled")


async def ask_to_free(request: Request) -> Response:
    return await _page(request, "free_person.html", Typed())


async def free(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.Why)
        async with app[keys.DATABASE].transaction() as db:
            await claims.free(
                db, by=_me(request), account_id=_account(request), reason=form.reason, now=app[keys.CLOCK].now()
            )
    except Mistyped as mistyped:
        return await _page(request, "free_person.html", mistyped.typed)
    except Invalid as refusal:
        return await _page(request, "free_person.html", forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "person", account=_account(request), done="freed")


async def ask_to_give_away(request: Request) -> Response:
    return await _give_away_form(request, Typed())


async def give_away(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.ChooseAccount)
        async with app[keys.DATABASE].transaction() as db:
            await facilitators.give_away(
                db, by=_me(request), group_id=group_id(request), account_id=AccountId(form.account),
                now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        return await _give_away_form(request, mistyped.typed)
    except Invalid as refusal:
        return await _give_away_form(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "people", done="given")


async def _give_away_form(request: Request, typed: Typed) -> Response:
    async with request.config_dict[keys.DATABASE].reading() as db:
        groups: dict[GroupId, str] = dict(await facilitators.without(db, by=_me(request)))
        others = (await people.one(db, by=_me(request), account_id=_me(request))).everybody()
    if group_id(request) not in groups:
        raise NotFound(HAS_SOMEBODY)
    shown: dict[str, Any] = {"group": group_id(request), "name": groups[group_id(request)], "others": others}
    return see(request, "give_away.html", status=422 if typed.errors else 200, typed=typed, **shown)


async def _page(request: Request, template: str, typed: Typed) -> Response:
    person = await _person(request, _account(request))
    typed = Typed({"role": person.role, **typed.values}, typed.errors, typed.facts)
    return see(request, template, status=422 if typed.errors else 200, typed=typed, person=person)


async def _disabling(request: Request, typed: Typed) -> Response:
    async with request.config_dict[keys.DATABASE].reading() as db:
        found = await people.one(db, by=_me(request), account_id=_account(request))
    status = 422 if typed.errors else 200
    return see(request, "disable_person.html", status=status, typed=typed, found=found, person=found.person)


async def _person(request: Request, account: AccountId) -> Person:
    async with request.config_dict[keys.DATABASE].reading() as db:
        return await people.person(db, by=_me(request), account_id=account)


def _new_form(request: Request, typed: Typed) -> Response:
    return see(request, "new_person.html", status=422 if typed.errors else 200, typed=typed)


def _link(request: Request, person: Person, token: str) -> Response:
    path = request.app.router["link"].url_for(token=token)
    return see(request, "person_link.html", person=person, link=f"{request.config_dict[keys.SETTINGS].origin}{path}")


def _account(request: Request) -> AccountId:
    return AccountId(request.match_info["account"])


def _me(request: Request) -> AccountId:
    return request[keys.SIGNED_IN].account_id
