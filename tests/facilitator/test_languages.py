"""Catalogues as translators write them, and what a language says of itself."""

from datetime import date
from pathlib import Path

import pytest
from babel.dates import format_date
from babel.messages.catalog import Catalog

from facilitator import languages, translating

PO = """
msgid ""
msgstr ""
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"Content-Type: text/plain; charset=utf-8\\n"

msgid "Call %(number)s, or write !help."
msgstr "Ruf %(number)s, oder !help."

msgid "Hello"
msgstr "Hallo"

#, fuzzy
msgid "Perhaps"
msgstr "Vielleicht"

msgid "%(n)s person"
msgid_plural "%(n)s people"
msgstr[0] "%(n)s Person"
msgstr[1] "%(anzahl)s Personen"
"""


def put(folder: Path, code: str, text: str = PO) -> Path:
    source = folder / code / "LC_MESSAGES" / "panel.po"
    source.parent.mkdir(parents=True)
    source.write_text(text)
    return source


def test_what_a_translator_wrote_is_spoken_with_nothing_compiled(tmp_path: Path) -> None:
    put(tmp_path, "de")
    assert languages.spoken(tmp_path, "panel") == ("en", "de")
    assert languages.spoken(tmp_path, "bridge") == ("en",)
    german = languages.catalogue(tmp_path, "panel", "de")
    assert german.gettext("Hello") == "Hallo"
    assert german.gettext("Nobody said this") == "Nobody said this"
    assert [each.suffix for each in tmp_path.rglob("*.*")] == [".po"]


def test_what_is_doubted_or_could_not_be_filled_in_stays_english(tmp_path: Path) -> None:
    put(tmp_path, "de")
    german = languages.catalogue(tmp_path, "panel", "de")
    assert german.gettext("Perhaps") == "Perhaps"
    assert german.ngettext("%(n)s person", "%(n)s people", 2) == "%(n)s people"


def test_from_right_to_left_values_keep_their_own_direction(tmp_path: Path) -> None:
    for code in ("de", "ar"):
        put(tmp_path, code)
    sentence = "Call %(number)s, or write !help."
    said = [languages.catalogue(tmp_path, "panel", code).gettext(sentence) for code in ("de", "ar")]
    assert said == ["Ruf %(number)s, oder !help.", "Ruf \u2068%(number)s\u2069, oder \u2068!help\u2069."]


@pytest.mark.parametrize(
    ("tag", "found"),
    [("de", "de"), ("de-AT", "de"), ("DE_at", "de"), ("pt", None), ("pt-br", "pt-BR"), ("", None), ("-", None)],
)
def test_the_nearest_language_is_found(tag: str, found: str | None) -> None:
    assert languages.nearest(tag, ("en", "de", "pt-BR")) == found


@pytest.mark.parametrize(
    ("code", "day"),
    [("en", "Friday 6 November"), ("de", "Freitag, 6. November"), ("fr", "vendredi 6 novembre"),
     ("ar", "الجمعة، 6 نوفمبر"), ("ja", "11月6日金曜日")],
)  # fmt: skip
def test_a_day_is_said_as_its_language_says_it(code: str, day: str) -> None:
    pattern = languages.day_pattern(code)
    assert format_date(date(2026, 11, 6), pattern, locale=languages.locale(code)) == day


def test_a_language_is_called_what_those_who_speak_it_call_it() -> None:
    named = [languages.own_name(code) for code in ("en", "de", "ar", "pt-BR", "xx")]
    assert named == ["English", "Deutsch", "العربية", "português (Brasil)", "xx"]
    assert [languages.direction(code) for code in ("en", "ar", "he", "xx")] == ["ltr", "rtl", "rtl", "ltr"]


def test_a_catalogue_is_brought_up_to_date_and_says_what_is_left(tmp_path: Path) -> None:
    source = put(tmp_path, "de")
    gathered = translating.read(source)
    gathered.add("New", "", locations=[("web/new.py", 0)], auto_comments=["Not old."])
    del gathered["Hello"]
    left = translating.bring_up_to_date(source, gathered)
    assert sorted(left) == ["New", "Perhaps"]
    text = source.read_text()
    assert "#. Not old." in text and "Hallo" not in text and "Ruf %(number)s" in text
    assert translating.bring_up_to_date(source, gathered) == left
    assert source.read_text() == text


def test_a_new_language_begins_with_an_empty_file(tmp_path: Path) -> None:
    gathered, source = Catalog(), put(tmp_path, "pt-BR", "")
    gathered.add("Hello")
    gathered.add(("%(n)s person", "%(n)s people"))
    assert sorted(translating.bring_up_to_date(source, gathered)) == ["%(n)s person", "Hello"]
    text = source.read_text()
    assert text.startswith("# The panel and the bot of Hearth in Portuguese (Brazil).\n")
    assert "PROJECT" not in text and "#, fuzzy" not in text
    assert languages.catalogue(tmp_path, "panel", "pt-BR").gettext("Hello") == "Hello"
