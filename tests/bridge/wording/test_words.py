"""What the bot says: every branch can be said, rings only when it should, and shows nothing on a lock screen."""

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from bridge import wording
from facilitator.rules import names
from tests.bridge.wording.speaking import EVERY, FOR_FACILITATORS, LISTED, PERSON, Said

every_branch = pytest.mark.parametrize("said", EVERY, ids=lambda said: said.branch)
NOTICED = {
    "closing", "closing_undone", "confirm_device", "farewell", "help", "help_again", "matrix_id_claimed", "moving",
    "not_our_room",
    "other_matrix_id", "reminder", "welcome",
}  # fmt: skip
TELLING = {"member", "members", "facilitator", "organisation", "crisis", "group", "support", "peer", "meeting"}


def test_every_utterance_has_a_template_and_every_template_a_kind_and_is_tried_here() -> None:
    templates = {path.stem for path in Path(wording.__file__).parent.glob("*.txt")}
    assert templates == set(wording.MESSAGE_TYPES) == {said.utterance for said in EVERY}


@every_branch
def test_every_branch_can_be_said_and_leaves_no_holes(said: Said) -> None:
    body = said.body()
    assert body == body.strip()
    assert len(body) > 20
    assert not re.search(r"[{}<>]|%\(|None|Undefined|\n{3,}|  ", body)
    assert all(part.strip() for part in body.split("\n\n"))


@every_branch
def test_what_should_be_noticed_rings_and_chatter_does_not(said: Said) -> None:
    assert said.content()["msgtype"] == ("m.text" if said.utterance in NOTICED else "m.notice")


@every_branch
def test_mentions_are_always_said_and_name_only_whom_it_is_about(said: Said) -> None:
    mentions = said.content()["m.mentions"]
    assert mentions == ({"user_ids": [PERSON]} if said.utterance == "welcome" else {})


@every_branch
def test_nobody_is_named_in_the_words_themselves(said: Said) -> None:
    assert "@" not in said.body()
    assert "ben" not in re.findall(r"\w+", said.body().casefold())


@every_branch
def test_the_first_line_is_innocent_on_a_lock_screen(said: Said) -> None:
    first = said.body().splitlines()[0]
    assert names.check(first[: names.LONGEST]) is None, first
    assert names.check(first[-names.LONGEST :]) is None, first
    assert not TELLING & set(re.findall(r"\w+", first.casefold())), first
    assert not re.search(r"[@#:]\w|112|0800", first.replace(":", "", 1) if said.utterance == "reminder" else first)


@every_branch
def test_a_line_does_not_say_more_than_a_phone_shows_at_a_glance(said: Said) -> None:
    assert len(said.body().splitlines()[0]) <= 90


@pytest.mark.parametrize("said", [s for s in EVERY if s.utterance == "help"], ids=lambda said: said.branch)
def test_help_puts_numbers_first_and_promises_nobody(said: Said) -> None:
    thanks, *rest = said.body().split("\n\n")
    assert thanks == "Thank you for writing."
    assert rest[0].startswith("In danger now? Call 112.")
    assert [line.name for line in said.lines] == re.findall(r"^• ([^:]+):", rest[0], re.MULTILINE)
    assert "I have told no one" in rest[-1]


def test_a_listening_line_is_never_offered_for_an_emergency() -> None:
    both = next(said for said in EVERY if said.branch == "help").body()
    crisis, _, listening = both.partition("when it is not an emergency")
    assert "Night line" in crisis and "Listeners" not in crisis
    assert "Listeners" in listening and "Night line" not in listening


def test_the_list_of_commands_names_every_one_with_its_mark() -> None:
    said = next(said for said in EVERY if said.utterance == "commands").body()
    assert [f"• !{name} – {about}" for name, about in LISTED] == said.splitlines()[1:]


def test_only_where_facilitators_are_it_names_what_only_they_can_use() -> None:
    everywhere, backstage = (
        next(said for said in EVERY if said.branch == branch).body() for branch in ("commands", "commands backstage")
    )
    assert "panel" not in everywhere
    assert backstage == everywhere + "".join(f"\n• {name} – {about}" for name, about in FOR_FACILITATORS)


def test_who_is_mentioned_is_the_only_thing_a_welcome_says_of_a_person() -> None:
    with_session = next(said for said in EVERY if said.branch == "welcome")
    assert with_session.body().splitlines()[0] == "Hello, good to have you here."
    assert "We meet next on" in with_session.body()
    assert "We meet next on" not in next(said for said in EVERY if said.branch == "welcome in a session").body()


def test_a_parameter_that_is_missing_is_a_fault_and_never_a_hole() -> None:
    with pytest.raises(UndefinedError, match="sessions"):
        Said("no sessions given", "sessions").body()


def test_an_utterance_nobody_wrote_is_a_fault() -> None:
    with pytest.raises(KeyError):
        Said("unwritten", "unwritten").body()
