"""A room's name is read by servers and over shoulders: what tells is refused, what merely looks like it is not."""

import pytest

from facilitator.rules import names


@pytest.mark.parametrize(
    "name",
    [
        "AA", "A.A. on Tuesday", "aa tuesday", "NA meeting", "N.A.", "GA room", "CoDA circle", "Al-Anon",
        "Nar Anon family", "Hypnotherapy", "Nonalcoholic", "Drogenfrei? Drogen", "Heroin",
        "12-step", "12 steps room", "Twelve-Step evening", "12step", "Addiction support", "ADDICTS", "Alcohol free",
        "Alcoholics Anonymous", "Drugs and us", "Depression circle", "Dépression", "Depressed?", "Sober Sundays",
        "SOBRIETY", "In recovery", "Recovering together", "Recovery.", "anti_drugs", "Clean & sober", "Gamblers room",
        "Living with PTSD", "self-harm", "Eating disorder group", "Mental health café", "Grief room", "opioid",
        "ＡＡ", "al\u200dcohol", "Room (AA)", "Adicciones", "Alkoholfrei", "Patients", "Bipolar 2", "HIV+",
    ],
)  # fmt: skip
def test_a_name_that_tells_is_refused(name: str) -> None:
    assert names.check(name) == names.TELLING


@pytest.mark.parametrize(
    "name",
    [
        "Anna room", "Maple room", "Na Kampě", "na shledanou", "Drugstore corner", "Soberón", "Step by step",
        "Hydrogen", "Heroines of old",
        "12 roses",
        "Canal room", "Salle Sud", "Coda", "Sanaa", "Aaron", "Ona", "Magazine", "Smart casual", "Naomi's", "The saga",
        "Clean desk", "Kaffee am Dienstag", "火曜の部屋", "غرفة\u200cالقيقب",
        "Room 👩\u200d🌾", "Group 7", "Twelve chairs",
        "Traumbaum",
        "Big table", "Book room", "Wer sucht, der findet", "Healthy soup",
    ],
)  # fmt: skip
def test_a_harmless_name_is_no_false_alarm(name: str) -> None:
    assert names.check(name) is None


@pytest.mark.parametrize("name", ["", "   ", "\t", "\u2003"])
def test_an_empty_name_is_refused(name: str) -> None:
    assert names.check(name) == names.EMPTY


def test_a_name_of_64_characters_is_taken_and_one_of_65_is_not() -> None:
    assert names.check("x" * 64) is None
    assert names.check(f" {'x' * 64} ") is None
    assert names.check("x" * 65) == names.TOO_LONG


@pytest.mark.parametrize(
    "name", ["Maple\nroom", "Maple\x00", "\x1b[31mMaple", "Ma\u202eple", "Maple\u2028room", "\ue000"]
)
def test_characters_that_cannot_be_shown_are_refused(name: str) -> None:
    assert names.check(name) == names.UNPRINTABLE


@pytest.mark.parametrize(
    "name", ["Z\u0351\u0342\u0343\u0344\u0351\u0342algo", "\u2066Maple", "\u200fMaple", "\ufdd0", "\U0001fbff"]
)
def test_what_climbs_over_lines_or_turns_them_around_is_refused(name: str) -> None:
    assert names.check(name) == names.UNPRINTABLE


@pytest.mark.parametrize("name", ["👩🏽\u200d🌾 room", "❤\ufe0f", "\U0001fae8", "Việt", "ผู้ใหญ่", "שָׁלוֹם", "अनुच्छेद", "🇩🇪"])
def test_every_script_and_every_emoji_is_a_name(name: str) -> None:
    assert names.check(name) is None and not names.unprintable(name)


def test_every_suggestion_is_neutral_and_none_comes_twice() -> None:
    suggested = [names.suggest(index) for index in range(960)]
    assert len(set(suggested)) == 960
    assert [name for name in suggested if names.check(name)] == []
    assert names.suggest(0) == "Maple room"
    assert names.suggest(960) == names.suggest(0)


@pytest.mark.parametrize(("language", "first"), [("de", "Raum Ahorn"), ("ar", "غرفة القيقب"), ("fr", "Maple room")])
def test_a_name_is_suggested_in_the_language_of_who_is_to_say_it(language: str, first: str) -> None:
    suggested = [names.suggest(index, language) for index in range(960)]
    assert suggested[0] == first
    assert len(set(suggested)) == 960
    assert [name for name in suggested if names.check(name)] == []


@pytest.mark.parametrize(
    "group", ["Maple room", "x" * names.LONGEST, "🌿" * names.LONGEST, "e\u0301" * 32, "a b " * 16]
)
@pytest.mark.parametrize(
    "pattern", [names.BACKSTAGE, "%(group)s – hinter der Bühne", "خلف الكواليس: \u2068%(group)s\u2069"]
)
def test_backstage_is_called_after_its_group_in_the_length_that_every_name_has_to_keep(
    group: str, pattern: str
) -> None:
    called = names.of_backstage(group, pattern)
    assert names.check(called) is None
    pattern = pattern.strip("\u2069").replace("\u2068", "")
    assert (pattern % {"group": ""}).strip() in called
    assert group[:8].strip() in called
    assert (called == pattern % {"group": group}) == ("…" not in called)


@pytest.mark.parametrize("pattern", ["%(group)s: Suchthilfe", "%(group)s: therapists", "x" * 60 + "%(group)s"])
def test_a_translation_that_says_too_much_or_leaves_no_place_is_not_taken(pattern: str) -> None:
    assert names.of_backstage("Maple room", pattern) == "Maple room: facilitators"


def test_half_a_letter_is_not_left_over() -> None:
    family = "👩\u200d👧"
    called = names.of_backstage(family * 30)
    assert not called.partition("…")[0].endswith("\u200d")
