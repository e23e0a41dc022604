"""Answers go into hearth.toml whole or not at all, and nothing that stood there is lost."""

import tomllib
from pathlib import Path

import pytest

from deploy import commands
from deploy.setup import settings_file
from facilitator.errors import Misconfigured

ANSWERS = {
    "house": {"organisation": 'River "side"\\', "emergency_number": "112"},
    "bridge": {"homeserver": "https://matrix.example.org", "user_id": "@hearth:example.org"},
}


def test_a_new_file_is_the_example_with_the_answers_and_no_sample_crisis_line(tmp_path: Path) -> None:
    file = tmp_path / "hearth.toml"
    assert settings_file.write(file, ANSWERS)
    assert tomllib.loads(file.read_text()) == {**ANSWERS, "web": {}}
    assert "# The lines that !help shows" in file.read_text()
    assert commands.house_of(file).crisis_lines == ()
    assert commands.bridge_of(file).user_id == "@hearth:example.org"
    assert commands.panel_of(file)
    assert file.stat().st_mode & 0o777 == 0o640


def test_the_same_answers_again_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "hearth.toml"
    settings_file.write(file, ANSWERS)
    before = file.stat()
    assert not settings_file.write(file, ANSWERS)
    assert file.stat().st_mtime_ns == before.st_mtime_ns


def test_what_a_host_wrote_stays_remarks_and_all(tmp_path: Path) -> None:
    file = tmp_path / "hearth.toml"
    file.write_text(
        '# ours\n[bridge] # the bot\nuser_id = "@old:x" # to change\nhealth_port = 8701\n\n[[house.crisis_lines]]\n'
        'name = "Line" # called on Monday\n'
    )
    file.chmod(0o600)
    settings_file.write(file, {"bridge": ANSWERS["bridge"], "web": {"public_url": "https://panel.example.org"}})
    text = file.read_text()
    assert tomllib.loads(text) == {
        "bridge": {**ANSWERS["bridge"], "health_port": 8701},
        "house": {"crisis_lines": [{"name": "Line"}]},
        "web": {"public_url": "https://panel.example.org"},
    }
    assert "# ours\n[bridge] # the bot\n" in text
    assert "# called on Monday" in text
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "[bridge]", "[house]\n[web]\n", 'bridge.health_port = 1\n[house]\nx = "y"\n'])
def test_however_little_is_there_the_answers_are_in_it_or_nothing_is(tmp_path: Path, text: str) -> None:
    file = tmp_path / "hearth.toml"
    file.write_text(text)
    try:
        settings_file.write(file, ANSWERS)
    except Misconfigured as refused:
        assert file.read_text() == text
        assert 'user_id = "@hearth:example.org"' in refused.sentence
    else:
        held = tomllib.loads(file.read_text())
        assert all(held[table][name] == value for table, values in ANSWERS.items() for name, value in values.items())


def test_a_value_of_several_lines_is_never_cut_in_two(tmp_path: Path) -> None:
    file = tmp_path / "hearth.toml"
    text = '[bridge]\nuser_id = """\n@old:x"""\n'
    file.write_text(text)
    with pytest.raises(Misconfigured):
        settings_file.write(file, ANSWERS)
    assert file.read_text() == text
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_no_toml_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "hearth.toml"
    file.write_text("[bridge\n")
    with pytest.raises(Misconfigured, match="not well-formed"):
        settings_file.write(file, ANSWERS)
    assert file.read_text() == "[bridge\n"


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hearth.toml"
    file.write_text("[web]\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(settings_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        settings_file.write(file, ANSWERS)
    assert file.read_text() == "[web]\n"
    assert list(tmp_path.iterdir()) == [file]


def test_where_it_cannot_be_put_is_told_first(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no folder"):
        settings_file.refuse_unwritable(tmp_path / "nowhere" / "hearth.toml")
    settings_file.refuse_unwritable(tmp_path / "hearth.toml")
