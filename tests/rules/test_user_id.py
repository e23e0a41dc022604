"""A Matrix ID is taken as people paste it, and whatever else they paste is refused in words."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from facilitator.errors import Invalid
from facilitator.ids import UserId
from facilitator.rules import user_id

BEN = "@ben:example.org"


@pytest.mark.parametrize(
    "typed",
    [
        BEN,
        f"  {BEN}\n",
        "@ben:EXAMPLE.org",
        f"https://matrix.to/#/{BEN}",
        f" https://matrix.to/#/{BEN} ",
        "matrix:u/ben:example.org",
    ],
)
def test_spaces_links_and_a_shouted_server_are_forgiven(typed: str) -> None:
    assert user_id.parse(typed) == BEN


@pytest.mark.parametrize(
    "typed",
    [
        "@ben:localhost",
        "@ben:example.org:8448",
        "@ben:192.0.2.7:8448",
        "@ben:[2001:db8::7]",
        "@ben:[2001:db8::7]:8448",
        "@a.b_c=d-e/f+1:example.org",
        "@Ben:example.org",  # as some old accounts are written: another person than @ben
        "@ben!#$%:example.org",
        f"@{'b' * 242}:example.org",
    ],
)
def test_every_id_the_grammar_knows_is_taken_as_it_is(typed: str) -> None:
    assert user_id.parse(typed) == typed


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Type the person's Matrix ID"),
        (" \t\n", "Type the person's Matrix ID"),
        ("https://matrix.to/#/", "Type the person's Matrix ID"),
        ("ben", "starts with @"),
        ("ben@example.org", "starts with @"),
        ("ben:example.org", "starts with @"),
        ("#maple:example.org", "starts with @"),
        ("!maple:example.org", "starts with @"),
        ("＠ben:example.org", "starts with @"),
        ("https://example.org/@ben:example.org", "starts with @"),
        ("@", "after the colon is missing"),
        ("@ben", "after the colon is missing"),
        ("@ben:", "after the colon is missing"),
        ("@:example.org", "before the colon"),
        ("@be n:example.org", "before the colon"),
        ("@ben\n:example.org", "before the colon"),
        ("@bén:example.org", "before the colon"),
        ("@ben\x00:example.org", "before the colon"),
        ("@ben:exa mple.org", "not a server's name"),
        ("@ben:example_.org", "not a server's name"),
        ("@ben:-example.org", "not a server's name"),
        ("@ben:example.org.", "not a server's name"),
        ("@ben:https://example.org", "not a server's name"),
        ("@ben:example.org/", "not a server's name"),
        ("@ben:example.org:", "not a server's name"),
        ("@ben:example.org:port", "not a server's name"),
        ("@ben:example.org:٨٤٤٨", "not a server's name"),
        ("@ben:example.org:8448:1", "not a server's name"),
        ("@ben:[2001:db8::7", "not a server's name"),
        ("@ben:exämple.org", "not a server's name"),
        ("@ben:example.org @cleo:example.org", "not a server's name"),
        (f"@{'b' * 243}:example.org", "longer than a Matrix ID"),
    ],
)
def test_what_is_no_matrix_id_is_refused_in_words(typed: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence) as wrong:
        user_id.parse(typed, field="who")
    assert wrong.value.field == "who"
    assert len(typed) < 4 or typed not in wrong.value.sentence, "what was typed is not repeated"


@given(some.text() | some.builds("@{}:{}".format, some.text(), some.text()) | some.text("@:/.[]u\n0a", max_size=30))
@example("\ud800")
@example("@\udcff:example.org")
@example("@ben:\udcff")
@example("matrix:u/matrix:u/ben:example.org")
def test_whatever_is_typed_it_is_an_id_or_a_refusal(typed: str) -> None:
    try:
        found = user_id.parse(typed)
    except Invalid as wrong:
        assert wrong.sentence and wrong.field == "matrix_id"
    else:
        assert user_id.parse(found) == found, "taking it again changes nothing"
        assert found.isascii() and found.isprintable() and " " not in found
        assert found.startswith("@") and len(found) <= 255 and user_id.server_of(found)


def test_the_server_is_what_follows_the_first_colon() -> None:
    assert user_id.server_of(UserId("@ben:example.org:8448")) == "example.org:8448"
    assert user_id.server_of(UserId("@ben:[2001:db8::7]:1")) == "[2001:db8::7]:1"
