"""Whatever is typed into any form there is, the panel says what is wrong and gives back what was typed, and shows it so
that it can do no harm. The forms are found on the pages themselves, so a new one is tried without being named.
"""

import os
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from facilitator.database import Database
from tests.clock import TurnedClock
from tests.web import every_form, gallery
from tests.web.every_form import Forms, fields_of, forms_in
from tests.web.sample import Sample
from tests.web.visitor import Page, Visitor

KIND = {"Content-Type": "application/x-www-form-urlencoded"}
ANSWERS = {200, 303, 400, 403, 404, 410, 413, 422}
FILTERS = ("group", "person", "from", "to", "before")
SOAK = "HEARTH_SOAK" in os.environ
NASTY = (
    "x" * 300, "x" * 70_000, "\u202e\u2066turned around", "Z\u0351\u0342\u0343\u0344\u0351\u0342\u034a" * 40,
    "👩🏽\u200d🌾\U0001fae8🏳️\u200d🌈", "<script>alert(1)</script><b>", '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "%(name)s {name} %s", "\0", "a\0b", "\x1b[31m", "\x7f", "9" * 400, "-1", "1e309", "٣", "0x1f", "NaN", "25:61",
    "9999-12-31", "0000-00-00", "@" * 300, "@a:" + "b" * 300, "@<b>:x.test", " ", "\u2028\u2029", "\ufeff",
    "' OR 1=1 --",
    "../../etc/passwd", "javascript:alert(1)", "\r\nSet-Cookie: s=x", "yes", "en", "Europe/Berlin", "facilitator",
)  # fmt: skip
RAW = st.one_of(st.sampled_from(NASTY), st.text(max_size=60), st.integers().map(str)).map(
    lambda text: text.encode("utf-8", "surrogatepass")
)
"""A lone surrogate arrives percent-encoded, as no browser sends it."""
FUZZ = settings(
    max_examples=10_000 if SOAK else 30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


REACHED = {200, 303, 409, 422}


@dataclass
class Tried:
    """The forms, the house as it was when they were found, and what became of inputs that had a form's own fields."""

    forms: Forms
    live: Path
    as_it_was: Path
    answers: dict[str, Counter[bool]] = field(default_factory=lambda: defaultdict(Counter))

    def undo(self) -> None:
        """What an input changed stands in the way of no other."""
        with closing(sqlite3.connect(self.as_it_was)) as before, closing(sqlite3.connect(self.live)) as now:
            before.backup(now)


@pytest.fixture
async def tried(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock, tmp_path: Path
) -> AsyncIterator[Tried]:
    forms = await every_form.gather(ada, await gallery.hang(database, cast, clock.now()))
    assert database.file is not None
    tried = Tried(forms, database.file, tmp_path / "as_it_was.db")
    with closing(sqlite3.connect(database.file)) as now, closing(sqlite3.connect(tried.as_it_was)) as copy:
        now.backup(copy)
    yield tried
    seldom = {path for path, found in tried.answers.items() if found[True] <= found[False]}
    assert {path.rpartition("/")[2] for path in seldom} <= {"free"}, seldom  # it asks for nobody else's id


def body_of(fields: Sequence[tuple[str, bytes]]) -> bytes:
    return "&".join(f"{quote_from_bytes(name.encode())}={quote_from_bytes(raw)}" for name, raw in fields).encode()


@FUZZ
@example(texts=[each.encode() for each in NASTY[:8]], way="all", which=0)
@example(texts=[each.encode() for each in NASTY[8:16]], way="all", which=0)
@example(texts=[each.encode() for each in NASTY[16:24]], way="all", which=0)
@example(texts=[each.encode() for each in NASTY[24:]], way="all", which=0)
@example(texts=[b"9" * 30], way="one", which=0)
@example(texts=[b"9" * 30], way="one", which=1)
@given(
    texts=st.lists(RAW, min_size=4, max_size=8),
    way=st.sampled_from(("all", "one", "one", "missing", "twice", "more")),
    which=st.integers(0, 9),
)
async def test_whatever_is_typed_is_answered_kindly_and_comes_back_harmless(
    ada: Visitor, tried: Tried, texts: list[bytes], way: str, which: int
) -> None:
    for place, (path, fields) in enumerate(sorted(tried.forms.items())):
        sent = filled_in(fields, texts[place % len(texts) :] + texts, way, which)
        token = [("form_token", ada.form_token.encode())]
        page = await ada.ask("POST", path, body=body_of(token + sent), headers=KIND)
        assert page.status in ANSWERS, f"{path} {page.status}: {sent}"
        assert_harmless(page, sent, path)
        if way in ("all", "one"):
            tried.answers[path][page.status in REACHED] += 1
        if page.status == 303:
            tried.undo()


def filled_in(fields: Mapping[str, str], texts: Sequence[bytes], way: str, which: int) -> list[tuple[str, bytes]]:
    """The form with these texts in all of its fields, in one of them, without one, with one twice, or with one more."""
    names = [name for name in fields if name not in ("form_token", "kept")]
    as_it_is = {name: fields[name].encode() for name in names}
    chosen = names[which % len(names)] if names else "name"
    if way == "one":
        return [*({**as_it_is, chosen: texts[0]}).items()]
    sent = [(name, texts[number % len(texts)]) for number, name in enumerate(names)]
    if way == "missing":
        return [(name, text) for name, text in sent if name != chosen]
    if way == "twice":
        return [*sent, (chosen, texts[-1])]
    return [*sent, (f"more{which}", texts[0])] if way == "more" else sent


def assert_harmless(page: Page, sent: Sequence[tuple[str, bytes]], path: str) -> None:
    """Nothing typed becomes a part of the page, and what may be mended comes back as it was typed."""
    for name, raw in sent:
        text = raw.decode("utf-8", "replace")
        if any(mark in text for mark in "<\"'"):
            assert text not in page.text, f"{path}: {name} stands in the page as it was typed"
        if "\r" in text or "\n" in text:
            assert "Set-Cookie" not in page.location
    if page.status == 422:
        shown = {name: value for _, form in forms_in(page.text) for name, value in fields_of(form).items()}
        typed_into = set(every_form.TYPED_INTO.findall(page.text))
        for name, raw in sent:
            if name in typed_into:
                assert came_back(raw.decode(), page) or shown[name] == raw.decode(), f"{path}: {name} is lost"


def came_back(text: str, page: Page) -> bool:
    return escape(text, quote=False) in unescape(page.text)


async def test_whatever_stands_in_the_journals_address_is_answered(ada: Visitor, cast: Sample) -> None:
    more = ("2026-W01-1", "0001-01-01", "00010101T000000000000~" + cast.ada, "99991231T235959999999~" + cast.ada)
    for text in (*[each for each in NASTY if len(each) < 250], *more):
        asked = quote_from_bytes(text.encode("utf-8", "surrogatepass"))
        query = "&".join(f"{name}={asked}" for name in FILTERS)
        page, file = await ada.get(f"/journal?{query}"), await ada.get(f"/journal.csv?{query}")
        assert (page.status, file.status) == (200, 200), text
        assert "<" not in text or text not in page.text


async def test_a_name_that_got_in_by_an_old_door_turns_nothing_around(ada: Visitor, cast: Sample) -> None:
    """Whatever a name holds, it is isolated wherever it stands, and the sentence around it stays as it is."""
    page = await ada.get(f"/groups/{cast.settled}")
    for name in ("Maple room", "@ben:chat.test"):
        for found in re.finditer(re.escape(name), page.text):
            before = page.text[: found.start()]
            isolated = re.search(r'<bdi[^>]*>$|value="$|<textarea[^>]*>$', before)
            assert isolated, before[-80:]
