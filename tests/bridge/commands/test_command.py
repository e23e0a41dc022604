"""How a command is read: whatever a phone's keyboard makes of "!help" is still a call for help, and talk stays talk."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from bridge.commands import COMMANDS
from bridge.commands.command import ALWAYS, AROUND, MARKS, Asked, asked

SPELLINGS = (
    "!help", "!Help", "!HELP", "!hElP", " !help ", "\t!help\n", "\u00a0!help\u00a0", "\ufeff!help", "！help",
    "！ＨＥＬＰ", "¡help!", "!help!", "!help.", "!help...", "!help…", "! help", "!\u00a0help", "!!help", "!!! HELP !!!",
    '"!help"', "'!help'", "“!help”", "‘!help’", "„!help“", "«!help»", "« !Help »", "`!help`", "´!help´",
    "“!Help.”", "!“help”", "!help,", "!help?", "!help:", "!(help)", "!*help*", "!help me", "!help please, now",
    "!help\u200b", "!ｈｅｌｐ", "！ＨＥＬＰ。", "❗help", "❗️Help", "\u2068!help\u2069",
)  # fmt: skip


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "group"])
@pytest.mark.parametrize("body", SPELLINGS)
def test_help_is_help_however_a_keyboard_writes_it(body: str, direct: bool) -> None:
    found = asked(body, direct=direct)
    assert found is not None and found.word == "help"


@pytest.mark.parametrize("body", ["help", "Help", "HELP!", "help.", "Help…", "“Help”", "help!!!", "*help*", " help "])
def test_help_alone_is_help_without_its_mark(body: str) -> None:
    assert asked(body, direct=False) == Asked("help", marked=False)


@pytest.mark.parametrize("word", ["help", "sos"])
@pytest.mark.parametrize(
    "rest", [" I do not know what to do any more and nobody is here", "\nplease", "\n\nplease\n", "!\n" + "x" * 5_000]
)
def test_marked_help_is_help_however_much_follows_it(word: str, rest: str) -> None:
    found = asked(f"!{word.title()}{rest}", direct=False)
    assert found == Asked(word, marked=True)


@pytest.mark.parametrize("spelling", ["!{}", "! {}", "“!{}”", "！{}", "!{}.", "!{} please"])
@pytest.mark.parametrize("word", sorted(word for command in COMMANDS for word in command.words))
def test_every_word_of_every_command_is_read_in_any_dress(word: str, spelling: str) -> None:
    for written in (word, word.title(), word.upper()):
        assert asked(spelling.format(written), direct=False) == Asked(word, marked=True)


@pytest.mark.parametrize("body", ["sessions", "Sessions", "Sessions?", "“sessions”", "SESSIONS."])
def test_with_the_bot_alone_a_bare_word_is_enough_and_in_a_group_it_is_talk(body: str) -> None:
    assert asked(body, direct=True) == Asked("sessions", marked=False)
    assert asked(body, direct=False) is None


@pytest.mark.parametrize(
    "body",
    [
        "", " ", "!", "!!!", "?!", "…", "“”", "! ! !", "\u200b", "\n", "!\n!", "!)", "!:)", "!1", "!42",
        "hello", "Hello!", "yes!", "wow!!", "I need help", "help me", "Help is on the way!", "can you help?",
        "he said !help", "helpful", "We have sessions on Monday", "no! help", "thanks for the help!", "hélp",
        "help " * 20, "line one\nhelp", "👍", "!👍",
    ],
)  # fmt: skip
def test_talk_in_a_group_is_left_alone(body: str) -> None:
    assert asked(body, direct=False) is None


@pytest.mark.parametrize(
    "body", ["!wow, what a long week this has been, I tell you", "!so\nmany\nthings", "!" + "a" * 50]
)
def test_long_talk_is_no_command_though_it_begins_like_one(body: str) -> None:
    assert asked(body, direct=False) is None


@pytest.mark.parametrize("body", ["¡Hola!", "¡Hola a todos!", "¡Gracias!", "¡Ánimo!"])
def test_an_ordinary_exclamation_in_spanish_deserves_no_answer(body: str) -> None:
    found = asked(body, direct=False)
    assert found is None or not found.marked


@pytest.mark.parametrize(
    ("body", "word"), [("!halp", "halp"), ("!Session's", None), ("!weather", "weather"), ("!hilfe", "hilfe")]
)
def test_a_marked_word_nobody_knows_is_read_as_a_wish_all_the_same(body: str, word: str | None) -> None:
    assert asked(body, direct=False) == (None if word is None else Asked(word, marked=True))


@given(body=some.text(), direct=some.booleans())
@example(body='"\x1c!\x1c"', direct=True)
@example(body="!\ud800", direct=True)
@example(body="\ufdfa" * 10, direct=True)
def test_nothing_anybody_can_write_makes_reading_fail(body: str, direct: bool) -> None:
    found = asked(body, direct=direct)
    if found is not None:
        assert found.word and found.word == found.word.casefold().strip(AROUND)
        assert not any(character.isspace() for character in found.word)


AROUND_IT = some.text(some.sampled_from(sorted(set(AROUND) - {"\n", "!"})), max_size=5)
AS_TYPED = some.sampled_from(["help", "Help", "HELP", "hELP", "sos", "SOS"])


@given(before=some.text(some.sampled_from(" \"'‘’“”„«»`´\u00a0"), max_size=4), mark=some.sampled_from(MARKS),
       between=AROUND_IT, word=AS_TYPED, after=AROUND_IT)  # fmt: skip
def test_any_mix_of_quotes_blanks_and_dots_around_help_is_help(
    before: str, mark: str, between: str, word: str, after: str
) -> None:
    found = asked(f"{before}{mark}{between}{word}{after}", direct=False)
    assert found is not None and found.word == word.casefold()
    assert found.word in ALWAYS
