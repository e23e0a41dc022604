"""Whatever is typed or sent, no form breaks the panel: a page explains it, and the number of the page is never 5xx."""

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web.sample import Sample
from tests.web.visitor import Visitor

FIELDS = ("name", "purpose", "language", "time_zone", "matrix_id", "weekday", "at", "minutes", "first_day", "step")
TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", "0", "-1", "6", "60", "19:00", "25:61", "::", "Berlin", "@a:b.test", "2027-03-14", "preview"]),
    st.integers().map(str),
    st.dates().map(str),
    st.times().map(str),
)
EXAMPLES = 10_000 if os.environ.get("HEARTH_SOAK") == "1" else 60
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def forms_of(cast: Sample) -> tuple[str, ...]:
    group = f"/groups/{cast.settled}"
    return ("/groups/new", f"{group}/members", f"{group}/sessions/new", f"{group}/sessions/{cast.series}/end")


@FUZZ
@given(st.data())
async def test_no_form_fails_however_it_is_filled_in(ada: Visitor, cast: Sample, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(forms_of(cast)[:3]))
    wanted = {"/groups/new": FIELDS[:4], forms_of(cast)[1]: FIELDS[4:5]}.get(path, (*FIELDS[5:], "time_zone"))
    fields = {name: data.draw(TEXT) for name in wanted}
    page = await ada.post(path, {name: text.encode("utf-8", "replace").decode() for name, text in fields.items()})
    assert page.status in (303, 400, 422), page.words


@FUZZ
@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=10), TEXT, max_size=6), st.integers(0, 3))
async def test_no_form_fails_with_other_fields_than_its_own(
    ada: Visitor, cast: Sample, fields: dict[str, str], which: int
) -> None:
    fields = {name: text for name, text in fields.items() if name != "form_token"}
    page = await ada.post(forms_of(cast)[which], clean(fields))
    assert page.status in (303, 400, 404, 422), page.words


@FUZZ
@given(st.binary(max_size=200), st.integers(0, 3))
async def test_no_bytes_break_a_form(ada: Visitor, cast: Sample, body: bytes, which: int) -> None:
    page = await ada.ask("POST", forms_of(cast)[which], body=body, headers=FORM)
    assert page.status in (400, 403), page.words


@FUZZ
@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=80))
async def test_no_wish_for_a_language_breaks_a_page(visitor: Visitor, wish: str) -> None:
    assert (await visitor.get("/", Accept_Language=wish.strip())).status == 200


def clean(fields: dict[str, str]) -> dict[str, str]:
    """As a browser would send them: no lone surrogates."""
    return {name.encode("utf-8", "replace").decode(): text.encode("utf-8", "replace").decode()
            for name, text in fields.items()}  # fmt: skip
