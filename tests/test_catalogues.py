"""The catalogues of the panel and the bot: up to date, complete, and nothing in them that could not be said."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

from bridge import wording
from bridge.wording import translating as bots
from facilitator import languages, translating
from facilitator.languages import PLACES, forms
from web import language
from web import translating as panels

HOUSE = Path(__file__).parents[1]
SPEAKERS = {"panel": panels, "bridge": bots}
FOLDERS = {"panel": language.LOCALES, "bridge": wording.LOCALE}
COMPLETE = ("ar", "de")
"""Languages in which nothing stays English."""
EVERY = [(domain, code) for domain in SPEAKERS for code in COMPLETE]
COMMAND = re.compile(r"!(?:help|commands|sessions)\b")
KEPT = re.compile(r"@name:example\.org|\bexample\.org|(?<=[“„«])panel(?=[”“»])|hearth \w+")
NOT_TURNED = re.compile(r"\b(?:patients?|clients?|Nutzer|Benutzer|Teilnehmer|Patient\w*|Klient\w*|Sie haben|Ihnen)\b")
FRAGMENT = re.compile(r"[a-z]")


@cache
def gathered(domain: str) -> Catalog:
    catalog: Catalog = SPEAKERS[domain].gather()
    return catalog


@cache
def source(domain: str, code: str) -> Catalog:
    return translating.read(FOLDERS[domain] / code / "LC_MESSAGES" / f"{domain}.po")


def said(domain: str, code: str) -> Iterator[tuple[Message, str, str]]:
    """Each translated form with what it is a form of."""
    for message in source(domain, code):
        if message.id and translating.is_done(message):
            ours = forms(message.id)
            for number, theirs in enumerate(forms(message.string)):
                yield message, ours[min(number, len(ours) - 1)], theirs


@pytest.mark.parametrize("domain", SPEAKERS)
def test_the_template_for_translators_is_up_to_date(domain: str) -> None:
    """If this fails: python -m web.translating, python -m bridge.wording.translating."""
    speaker: ModuleType = SPEAKERS[domain]
    with speaker.TEMPLATE.open("rb") as file:
        known = {message.id: message.auto_comments for message in read_po(file) if message.id}
    assert known == {message.id: message.auto_comments for message in gathered(domain) if message.id}


@pytest.mark.parametrize(("domain", "code"), EVERY)
def test_a_complete_language_leaves_nothing_out(domain: str, code: str) -> None:
    """If this fails, a new sentence has no words yet: bring the catalogue up to date and translate what is empty."""
    catalog = source(domain, code)
    assert {message.id for message in catalog if message.id} == {
        message.id for message in gathered(domain) if message.id
    }
    assert translating.missing(catalog) == []


def test_every_language_there_is_is_complete_or_said_not_to_be() -> None:
    for domain, folder in FOLDERS.items():
        assert set(languages.spoken(folder, domain)) == {languages.SOURCE, *COMPLETE}


@pytest.mark.parametrize(("domain", "code"), EVERY)
def test_every_value_keeps_its_place_and_nothing_else_could_break_a_sentence(domain: str, code: str) -> None:
    for message, _, theirs in said(domain, code):
        known = {place for each in forms(message.id) for place in PLACES.findall(each)}
        assert set(PLACES.findall(theirs)) <= known, theirs
        assert "%" not in PLACES.sub("", theirs), theirs
    for message in source(domain, code):
        if message.id and translating.is_done(message):  # the last form is the one of many: nothing may be lost in it
            most, last = forms(message.id)[-1], forms(message.string)[-1]
            assert set(PLACES.findall(most)) == set(PLACES.findall(last)), last


@pytest.mark.parametrize(("domain", "code"), EVERY)
def test_what_is_typed_to_the_letter_stays_as_it_is_typed(domain: str, code: str) -> None:
    for _, ours, theirs in said(domain, code):
        assert set(COMMAND.findall(theirs)) >= set(COMMAND.findall(ours)), theirs
        assert set(KEPT.findall(theirs)) == set(KEPT.findall(ours)), theirs


@pytest.mark.parametrize(("domain", "code"), EVERY)
def test_every_language_has_its_own_number_of_plural_forms(domain: str, code: str) -> None:
    catalog = source(domain, code)
    assert (catalog.num_plurals, catalog.plural_expr) == (get_plural(code).num_plurals, get_plural(code).plural_expr)
    plurals = [message for message in catalog if message.id and len(forms(message.id)) > 1]
    assert plurals
    for message in plurals:
        assert len(forms(message.string)) == catalog.num_plurals


@pytest.mark.parametrize(("domain", "code"), EVERY)
def test_a_translation_looks_like_its_sentence(domain: str, code: str) -> None:
    """Ends as it ends, with no stray spaces, in one voice, and with the same words everywhere."""
    ends = {".": ".", "?": "?؟", ":": ":", "!": "!", "…": "…"}
    for _, ours, theirs in said(domain, code):
        assert theirs == theirs.strip() and "  " not in theirs, theirs
        assert theirs[-1] in ends.get(ours[-1], theirs[-1]), (ours, theirs)
        assert ours[-1] in ends or theirs[-1] not in ".!", (ours, theirs)
        assert not NOT_TURNED.search(theirs), theirs


@pytest.mark.parametrize("domain", SPEAKERS)
def test_a_piece_of_a_sentence_is_explained_to_translators(domain: str) -> None:
    """What begins small is no sentence by itself: a note says where it stands."""
    for message in gathered(domain):
        if message.id and FRAGMENT.match(forms(message.id)[0]):
            assert message.auto_comments, message.id


def test_whatever_people_may_be_told_is_marked_for_translation() -> None:
    """Refusals are raised far from any page: what is not marked there could never be translated."""
    kinds = {"NotFound", "NotAllowed", "Invalid", "TooLate", "BadForm", "TooOften", "SignInFirst"}
    raw = []
    for path in (*(HOUSE / "facilitator").rglob("*.py"), *(HOUSE / "web").rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Name) and call.func.id in kinds:
                raw += [f"{path.name}: {each.value}" for each in call.args if is_sentence(each)]
    assert raw == []


def is_sentence(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    )


def test_a_catalogue_says_nothing_of_itself() -> None:
    """gettext keeps a catalogue's own facts under the empty sentence, and an empty sentence is said now and then."""
    for domain, code in EVERY:
        assert languages.catalogue(FOLDERS[domain], domain, code).gettext("") == ""
