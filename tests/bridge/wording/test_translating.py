"""Every sentence of the bot can be translated, and a language without a catalogue is English from end to end."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from bridge import wording
from bridge.wording import translating
from tests.bridge.wording.speaking import EVERY, Said, words

KEPT = re.compile(r"(%\(\w+\)s|!\w+)")
GIVEN = {"Night", "line", "Listeners", "to", "help", "commands", "sessions", "Berlin", "UTC", "Maple", "room"}


@pytest.fixture
def locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for catalogues of this test's own."""
    monkeypatch.setattr(wording, "LOCALE", tmp_path)
    forget()
    yield tmp_path
    monkeypatch.undo()
    forget()


def forget() -> None:
    wording.spoken.cache_clear()
    wording.templates.cache_clear()


def pseudo(sentence: str) -> str:
    """In a language nobody speaks: every letter changed, the places for values and the commands kept."""
    parts = KEPT.split(sentence)
    return "".join(part if KEPT.fullmatch(part) else re.sub("[A-Za-z]", "ø", part) for part in parts)


def translated(locale: Path, language: str, catalog: Catalog) -> None:
    folder = locale / language / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "bridge.po").open("wb") as file:
        write_po(file, catalog)
    translating.compile_all(locale)


def in_pseudo() -> Catalog:
    catalog = translating.gather()
    for message in catalog:
        if message.id:
            plural = isinstance(message.id, tuple)
            message.string = tuple(map(pseudo, message.id)) if plural else pseudo(str(message.id))
    return catalog


@pytest.mark.parametrize("said", EVERY, ids=lambda said: said.branch)
def test_no_utterance_has_a_raw_string(locale: Path, said: Said) -> None:
    translated(locale, "de", in_pseudo())
    body = said.body("de")
    assert "ø" in body
    dates = set(re.findall(r"\w+", "Montag Dienstag Mittwoch Donnerstag Freitag November"))
    assert set(re.findall(r"[A-Za-zä]{2,}", body)) - GIVEN - dates == set(), body


def test_a_translated_sentence_has_its_dates_in_the_same_language(locale: Path) -> None:
    translated(locale, "de", in_pseudo())
    for language in ("de", "de-AT", "de-XX"):
        assert "Freitag 6 November" in next(said for said in EVERY if said.branch == "sessions").body(language)


@pytest.mark.parametrize("language", ["de", "pt-BR", "zh-Hant", "zh-Hant-TW", "ar", "qqq", "tlh", "en-GB", "C", ""])
@pytest.mark.parametrize("said", EVERY, ids=lambda said: said.branch)
def test_a_language_nobody_has_translated_is_english_throughout(locale: Path, said: Said, language: str) -> None:
    assert said.body(language) == said.body("en")


def test_a_mistyped_place_for_a_value_leaves_its_sentence_english(locale: Path) -> None:
    catalog = in_pseudo()
    for message in catalog:
        if message.id == "In danger now? Call %(number)s.":
            message.string = "øø %(nummer)s"
    translated(locale, "de", catalog)
    said = next(said for said in EVERY if said.branch == "help").body("de")
    assert "In danger now? Call 112." in said
    assert "øøøøø øøø øøø øøøøøøø." in said


def test_every_sentence_of_every_template_is_gathered() -> None:
    gathered = {str(message.id) for message in translating.gather() if message.id}
    for template in Path(wording.__file__).parent.glob("*.txt"):
        marked = re.findall(r"\{%-? trans .*?%\}(.*?)\{%-? (?:pluralize|endtrans)", template.read_text(), re.DOTALL)
        assert marked
        for sentence in marked:
            as_gettext = re.sub(r"\{\{ (\w+) \}\}", r"%(\1)s", sentence)
            assert any(as_gettext in known for known in gathered), sentence
        outside = re.sub(r"\{% trans.*?endtrans %\}|\{[%{].*?[%}]\}", "", template.read_text(), flags=re.DOTALL)
        assert not re.search(r"[A-Za-z]", outside), f"{template.name} says something untranslated"


def test_the_sentences_of_the_commands_are_gathered() -> None:
    gathered = {message.id for message in translating.gather()}
    assert {about for _, about in words().commands} <= gathered


def test_the_template_for_translators_is_up_to_date() -> None:
    """If this fails: python -m bridge.wording.translating."""
    with translating.TEMPLATE.open("rb") as file:
        known = {message.id for message in read_po(file) if message.id}
    assert known == {message.id for message in translating.gather() if message.id}
