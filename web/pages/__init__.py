"""One file per noun, one function per URL. `see` and `go` are how a function ends: show a page, or send on."""

from functools import partial
from typing import Any

from aiohttp.web import Request, Response

from facilitator.kept_forms import Kept
from web import chosen_language, keeping, keys, navigation
from web.forms import Typed

DONE = "done"
"""A word in the address after a change; the page knows a sentence for it. Never a name or an id."""


def see(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """The page, in the reader's language."""
    app = request.config_dict
    signed_in = request.get(keys.SIGNED_IN)
    templates, kept = app[keys.TEMPLATES], request.get(keys.KEPT)
    render = partial(
        templates.render,
        chosen_language.of(request),
        template,
        signed_in=signed_in,
        form_token=signed_in.form_token if signed_in else "",
        request_id=request.get(keys.REQUEST_ID, ""),
        now=app[keys.CLOCK].now(),
        done=request.query.get(DONE, ""),
        here=request.path,
        places=navigation.places(request.app, signed_in, request.path),
        reader_zone=signed_in.time_zone if signed_in else None,
        kept=kept,
        left=(),
        came_back=request.get(keys.CAME_BACK, False),
        **brought_back(values, kept),
    )
    text = render()
    if kept and (left := not_held(kept, text)):
        text = render(left=left)
    return Response(text=text, status=status, content_type="text/html", charset="utf-8")


def not_held(kept: Kept, text: str) -> list[str]:
    """What was kept and has no field on the page as it is now: it is to stand there to be read."""
    return [typed for name, typed in keeping.words(kept.fields).items() if f'name="{name}"' not in text]


def brought_back(values: dict[str, Any], kept: Kept | None) -> dict[str, Any]:
    """What the page shows, with what was kept of its form filled in."""
    typed = values.get("typed")
    if kept is None or not isinstance(typed, Typed):
        return values
    return {**values, "typed": Typed({**typed.values, **kept.fields}, typed.errors, typed.facts)}


def go(request: Request, to: str, *, done: str = "", **parts: str) -> Response:
    """On to another page of ours, by its name in `routes.py`; a reload then repeats nothing."""
    where = request.app.router[to].url_for(**parts).with_query({DONE: done} if done else None)
    return Response(status=303, headers={"Location": str(where)})
