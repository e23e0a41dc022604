"""What a host gives: one way in, secrets in files that nobody else may read, and a yes to the server's name."""

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bridge.ways_in import NONE_GIVEN, WayIn
from deploy import cli
from deploy.setup import answers
from deploy.setup.answers import Host, Secrets
from facilitator.errors import Misconfigured
from facilitator.rules import server_name

NOBODY, HOST = Host(is_there=False), Host(is_there=True)


def secret(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_text(text)
    file.chmod(mode)
    return file


def refused(asked: Callable[[], object]) -> str:
    with pytest.raises(Misconfigured) as refusal:
        asked()
    return refusal.value.sentence


def typing(text: str, asked: Callable[[], object]) -> tuple[object, Result]:
    """What comes of asking a person who types this."""
    got: list[object] = []
    result = CliRunner().invoke(click.Command("ask", callback=lambda: got.append(asked())), input=text)
    return (got[0] if got else result.exception), result


def test_each_way_in_is_read_from_its_file(tmp_path: Path) -> None:
    file = secret(tmp_path, "hunter2\n")
    assert Secrets(password_file=file).read() == WayIn(password="hunter2")
    assert Secrets(token_file=file, device_id="D").read() == WayIn(token="hunter2", device_id="D")
    assert Secrets(as_token_file=file).read() == WayIn(service_token="hunter2")
    assert not Secrets().read().is_given
    assert "hunter2" not in repr(Secrets(password_file=file).read())


def test_ways_that_do_not_go_together_are_told(tmp_path: Path) -> None:
    file = secret(tmp_path, "x")
    assert refused(Secrets(password_file=file, as_token_file=file).read) == answers.ONE_WAY
    assert refused(Secrets(password_file=file, device_id="D").read) == answers.NO_DEVICE_ID
    assert refused(Secrets(token_file=file).read) == answers.NEEDS_DEVICE_ID


@pytest.mark.parametrize("text", ["", "\n", "two\nlines"])
def test_a_file_that_holds_no_secret_is_told_and_not_shown(tmp_path: Path, text: str) -> None:
    assert "in one line, and nothing else" in refused(Secrets(password_file=secret(tmp_path, text)).read)


def test_a_secret_that_others_can_read_is_refused_with_the_mend(tmp_path: Path) -> None:
    file = secret(tmp_path, "hunter2", mode=0o640)
    assert refused(Secrets(as_token_file=file).read) == f"{file} can be read by others: run `chmod 600 {file}`."


def test_where_nobody_is_asked_what_is_missing_names_its_option() -> None:
    assert refused(lambda: NOBODY.way(Secrets())) == NONE_GIVEN
    asked = refused(lambda: NOBODY.text(None, "--user-id", "The bot's account", setting=("bridge", "user_id")))
    assert asked == "Say --user-id (the bot's account)."


def test_what_was_typed_comes_before_the_settings_and_both_before_a_question() -> None:
    host = Host(is_there=True, settings={"bridge": {"user_id": "@old:x"}})
    assert host.text(" @new:x ", "--user-id", "Who", setting=("bridge", "user_id")) == "@new:x"
    assert host.text(None, "--user-id", "Who", setting=("bridge", "user_id")) == "@old:x"
    assert typing("@asked:x\n", lambda: HOST.text(None, "", "Who", setting=("a", "b")))[0] == "@asked:x"


@pytest.mark.parametrize(
    ("typed", "way"),
    [
        ("\nhunter2\n", WayIn(password="hunter2")),
        ("2\nhunter2\nDEVICE\n", WayIn(token="hunter2", device_id="DEVICE")),
        ("3\nhunter2\n", WayIn(service_token="hunter2")),
    ],
)
def test_a_person_chooses_a_way_and_their_secret_is_not_shown(typed: str, way: WayIn) -> None:
    got, result = typing(typed, lambda: HOST.way(Secrets()))
    assert got == way
    assert "hunter2" not in result.output


def test_the_servers_name_takes_a_yes_and_a_telling_one_is_named() -> None:
    assert "--accept-server-name" in refused(lambda: NOBODY.accepts("example.org", accepted=False))
    assert "“sober”" in refused(lambda: NOBODY.accepts("soberliving.org", accepted=False))
    for typed, declined in (("\n", True), ("n\n", True), ("y\n", False)):
        got, result = typing(typed, lambda: HOST.accepts("example.org", accepted=False))
        assert isinstance(got, Misconfigured) is declined
        assert server_name.FOR_EVER in result.output
    assert typing("", lambda: NOBODY.accepts("example.org", accepted=True))[0] is None


def test_a_copy_of_the_identity_is_never_written_over(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_text("the only one")
    result = CliRunner().invoke(cli.main, ["identity", "save", str(copy), "--settings", str(tmp_path / "hearth.toml")])
    assert (result.exit_code, copy.read_text()) == (cli.CANNOT, "the only one")
    assert "not written over" in result.output
