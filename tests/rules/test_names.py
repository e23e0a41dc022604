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


def test_every_suggestion_is_neutral_and_none_comes_twice() -> None:
    suggested = [names.suggest(index) for index in range(960)]
    assert len(set(suggested)) == 960
    assert [name for name in suggested if names.check(name)] == []
    assert names.suggest(0) == "Maple room"
    assert names.suggest(960) == names.suggest(0)
