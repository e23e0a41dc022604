"""The demo's folder: nothing of anybody else's is ever deleted, and nothing of the demo's is forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo.folder import MARK, Folder
from facilitator.errors import Misconfigured


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    taken = Folder.take(tmp_path / "demo", fresh=False)
    yield taken
    taken.release()


def again(folder: Folder, *, fresh: bool = False) -> Folder:
    folder.release()
    return Folder.take(folder.path, fresh=fresh)


def test_it_and_what_it_remembers_are_for_their_owner_alone(folder: Folder) -> None:
    folder.password("ben")
    assert folder.path.stat().st_mode & 0o077 == 0
    assert (folder.path / MARK).stat().st_mode & 0o077 == 0


def test_a_later_demo_finds_what_was_remembered(folder: Folder) -> None:
    folder.change(panel_port=4711)
    password = folder.password("ben")
    later = again(folder)
    assert later.remembered().panel_port == 4711
    assert later.password("ben") == password


def test_everybody_gets_a_password_of_their_own(folder: Folder) -> None:
    assert len({folder.password(name) for name in ("ada", "ben", "cleo", "dan")}) == 4


def test_only_one_demo_at_a_time_is_in_it(folder: Folder) -> None:
    with pytest.raises(Misconfigured, match=r"running in .* already"):
        Folder.take(folder.path, fresh=True)
    assert (folder.path / MARK).exists()


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "letters.txt").write_text("dear Cleo")
    with pytest.raises(Misconfigured, match="not a demo"):
        Folder.take(tmp_path, fresh=fresh)
    assert [each.name for each in tmp_path.iterdir()] == ["letters.txt"]


def test_a_file_in_its_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("dear Cleo")
    with pytest.raises(Misconfigured, match="not a demo"):
        Folder.take(tmp_path / "demo", fresh=True)
    assert (tmp_path / "demo").read_text() == "dear Cleo"


def test_fresh_forgets_and_deletes_all_of_the_earlier_demo(folder: Folder) -> None:
    (folder.path / "homeserver").mkdir()
    (folder.path / "homeserver" / "homeserver.db").touch()
    (folder.path / "hearth.db").touch()
    password = folder.password("ben")
    later = again(folder, fresh=True)
    assert {each.name for each in later.path.iterdir()} == {MARK, "lock"}
    assert later.password("ben") != password


def test_fresh_does_not_follow_a_link_out_of_the_folder(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("dear Cleo")
    (folder.path / "link").symlink_to(tmp_path / "letters")
    again(folder, fresh=True)
    assert (tmp_path / "letters" / "one.txt").exists()


def test_a_damaged_memory_is_a_sentence_with_the_mend(folder: Folder) -> None:
    (folder.path / MARK).write_text("{")
    with pytest.raises(Misconfigured, match="--fresh"):
        folder.remembered()
