"""Whatever bytes are sent, no form breaks the panel: a page explains it, and the number of the page is never 5xx."""

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web.sample import Sample
from tests.web.visitor import Visitor

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
@given(st.binary(max_size=200), st.integers(0, 3))
async def test_no_bytes_break_a_form(ada: Visitor, cast: Sample, body: bytes, which: int) -> None:
    page = await ada.ask("POST", forms_of(cast)[which], body=body, headers=FORM)
    assert page.status in (400, 403), page.words


@FUZZ
@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=80))
async def test_no_wish_for_a_language_breaks_a_page(visitor: Visitor, wish: str) -> None:
    assert (await visitor.get("/", Accept_Language=wish.strip())).status == 200
