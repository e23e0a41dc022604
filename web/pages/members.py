"""Asking somebody into a group, by their Matrix id, removing somebody with a reason and undoing it, and saying that a
new identity is a member's own."""

from datetime import UTC, datetime

from aiohttp.web import Request, Response

from facilitator import members, pinned, removals
from facilitator.errors import Invalid
from facilitator.ids import MemberId
from web import forms, keys
from web.forms import BadForm, Mistyped, Typed
from web.pages import go, see
from web.pages.groups import group_id, group_page


async def invite(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.Invite)
        async with app[keys.DATABASE].transaction() as db:
            await members.invite(
                db,
                by=request[keys.SIGNED_IN].account_id,
                group_id=group_id(request),
                matrix_id=form.matrix_id,
                allowed=app[keys.HOUSE].allowed_servers,
                now=app[keys.CLOCK].now(),
            )
    except Mistyped as mistyped:
        return await group_page(request, mistyped.typed)
    except Invalid as refusal:
        return await group_page(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id(request), done="invited")


async def ask_to_remove(request: Request) -> Response:
    return await _removal(request, Typed())


async def remove(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.Why)
        async with app[keys.DATABASE].transaction() as db:
            await removals.remove(
                db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request), member_id=_member(request),
                reason=form.reason, now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        return await _removal(request, mistyped.typed)
    except Invalid as refusal:
        return await _removal(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id(request), done="removed")


async def readmit(request: Request) -> Response:
    app = request.config_dict
    try:
        forms.read(request, forms.Nothing)
        async with app[keys.DATABASE].transaction() as db:
            await removals.readmit(
                db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request), member_id=_member(request),
                allowed=app[keys.HOUSE].allowed_servers, now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Invalid as refusal:
        return await group_page(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id(request), done="invited")


async def it_was_them(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.ItWasThem)
        async with app[keys.DATABASE].transaction() as db:
            await pinned.it_was_them(
                db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request), member_id=_member(request),
                noticed=_moment(form.noticed), now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        return await group_page(request, mistyped.typed)
    return go(request, "group", group=group_id(request), done="confirmed")


async def _removal(request: Request, typed: Typed) -> Response:
    async with request.config_dict[keys.DATABASE].reading() as db:
        member = await removals.member(
            db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request), member_id=_member(request)
        )
    return see(
        request, "remove_member.html", status=422 if typed.errors else 200, group=group_id(request), member=member,
        typed=typed,
    )  # fmt: skip


def _moment(text: str) -> datetime:
    """As our own page wrote it: nothing else has no zone, or lies before all time."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise BadForm(forms.CHANGED)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadForm(forms.CHANGED) from None


def _member(request: Request) -> MemberId:
    return MemberId(request.match_info["member"])
