"""Every sentence of the bot can be translated, and a language without a catalogue is English from end to end."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from html import escape
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from bridge import wording
from bridge.wording import translating
from facilitator.languages import forms
from tests.bridge.wording.speaking import EVERY, FOR_FACILITATORS, words
from tests.pseudo import OPEN, TONGUE, pseudo, read

DATA = ("Night line", "Listeners", "18 to 22", "Maple room", "Thank you all.", "Go well.", "panel –")
FIRST, LAST = "\u2068", "\u2069"


gathered = cache(translating.gather)


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


def put(locale: Path, language: str, translate: Callable[[str], str]) -> None:
    """A catalogue as a translator would send it."""
    catalog = Catalog(locale=language)
    for message in gathered():
        if message.id:
            said = tuple(map(translate, forms(message.id)))
            if len(said) > 1:
                said = (said[0], *said[1:] * (catalog.num_plurals - 1))
            catalog.add(message.id, said if len(said) > 1 else said[0])
    folder = locale / language / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "bridge.po").open("wb") as file:
        write_po(file, catalog)


def test_no_utterance_has_a_raw_string_or_a_sentence_made_of_pieces(locale: Path) -> None:
    put(locale, TONGUE, pseudo)
    for said in EVERY:
        for line in said.body(TONGUE).splitlines():
            found = read(f"<p>{escape(line)}</p>", DATA)
            assert found.raw + found.glued == [], f"{said.branch}: {said.body(TONGUE)}"
        assert OPEN in said.body(TONGUE)


def test_a_translated_sentence_has_its_dates_in_the_same_language(locale: Path) -> None:
    put(locale, "de", pseudo)
    for language in ("de", "de-AT", "de-XX"):
        assert "Freitag, 6. November" in next(said for said in EVERY if said.branch == "sessions").body(language)


@pytest.mark.parametrize("language", ["pt-BR", "zh-Hant", "zh-Hant-TW", "qqq", "tlh", "en-GB", "C", ""])
def test_a_language_nobody_has_translated_is_english_throughout(language: str) -> None:
    for said in EVERY:
        assert said.body(language) == said.body("en")


@pytest.mark.parametrize("language", ["de", "ar"])
def test_a_language_somebody_has_translated_has_nothing_english_in_it(language: str) -> None:
    english = {sentence for message in gathered() for sentence in forms(message.id) if sentence}
    for said in EVERY:
        assert not {line for line in said.body(language).splitlines() if line in english}


@pytest.mark.parametrize("typo", ["Gefahr? %(nummer)s.", "Zu 100 % sicher: %(number)s.", "{number}"])
def test_a_mistyped_place_for_a_value_leaves_its_sentence_english(locale: Path, typo: str) -> None:
    """It could not be said at all, and this one is the help card."""
    put(locale, "de", lambda sentence: typo if sentence == "In danger now? Call %(number)s." else pseudo(sentence))
    said = next(said for said in EVERY if said.branch == "help").body("de")
    assert "In danger now? Call 112." in said
    assert pseudo("Thank you for writing.") in said


def test_from_right_to_left_numbers_and_names_and_commands_keep_their_own_direction() -> None:
    lines = {said.branch: said.body("ar") for said in EVERY}
    assert f"{FIRST}112{LAST}" in lines["help"]
    for card in (lines["help"], lines["farewell"]):
        assert f"• {FIRST}Night line{LAST}: {FIRST}0800 10{LAST}" in card
    assert f"{FIRST}!help{LAST}" in lines["commands"] and f"{FIRST}!help{LAST}" in lines["welcome"]
    for said in EVERY:
        assert FIRST not in said.body("en") + said.body("de")


def test_every_sentence_of_every_template_is_gathered() -> None:
    gathered = {str(message.id) for message in translating.gather() if message.id}
    for template in Path(wording.__file__).parent.glob("*.txt"):
        marked = re.findall(r"\{%-? trans .*?%\}(.*?)\{%-? (?:pluralize|endtrans)", template.read_text(), re.DOTALL)
        assert marked
        for sentence in marked:
            as_gettext = re.sub(r"\{\{ (\w+) \}\}", r"%(\1)s", sentence)
            assert any(as_gettext in known for known in gathered), sentence
        outside = re.sub(r"\{% trans.*?endtrans %\}|\{[%{#].*?[%}#]\}", "", template.read_text(), flags=re.DOTALL)
        assert not re.search(r"[A-Za-z]", outside), f"{template.name} says something untranslated"


def test_the_sentences_of_the_commands_are_gathered() -> None:
    gathered = {message.id for message in translating.gather()}
    assert {about for _, about in (*words().commands, *FOR_FACILITATORS)} <= gathered
