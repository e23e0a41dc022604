"""What the demo says at the end fits on a screen and has all one needs."""

from pathlib import Path

import pytest

from deploy.demo import people, words
from deploy.demo.words import Person, Ready

READY = Ready(
    panel_url="http://localhost:8700",
    sign_in_link="http://localhost:8700/sign-in/" + "a" * 43,
    homeserver_url="http://localhost:8708",
    server_name="localhost",
    bot_user_id=people.user_id("hearth"),
    members=tuple(Person(people.user_id(name), f"password of {name}") for name in people.MEMBERS),
)


@pytest.mark.parametrize("peer", [True, False])
def test_it_says_everything_in_fifteen_lines(peer: bool) -> None:
    told = words.announcement(READY, Path("/somewhere/.demo"), peer=peer)
    assert len(told.splitlines()) <= 15
    assert all(len(line) <= 120 for line in told.splitlines())
    for needed in (READY.sign_in_link, READY.homeserver_url, "Ctrl-C", f"{words.program()} coordinator link"):
        assert needed in told
    for person in READY.members:
        assert f"{person.user_id}" in told
        assert person.password in told


def test_no_secret_is_in_what_an_error_might_show() -> None:
    assert READY.sign_in_link not in repr(READY)
    assert "password of ben" not in repr(READY)


def test_the_folder_is_named_as_one_would_type_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert words.nearby(tmp_path / ".demo") == Path(".demo")
    assert words.nearby(Path("/elsewhere/demo")) == Path("/elsewhere/demo")
