"""A language is offered only if both the panel and the bot speak it; another stops the start with its mend."""

from pathlib import Path

import pytest

from deploy import commands, languages
from facilitator.errors import Misconfigured


def settings(folder: Path, *offered: str) -> Path:
    path = folder / "hearth.toml"
    listed = ", ".join(f'"{tag}"' for tag in offered)
    path.write_text(f'[house]\norganisation = "x"\nemergency_number = "112"\nlanguages = [{listed}]\n')
    return path


@pytest.mark.parametrize("offered", [("en",), ("de", "en", "ar"), ("de-AT", "en-GB"), ("ar-EG",)])
def test_what_is_spoken_may_be_offered(tmp_path: Path, offered: tuple[str, ...]) -> None:
    assert commands.house_of(settings(tmp_path, *offered)).languages == offered


def test_what_nobody_speaks_stops_the_start_and_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        commands.house_of(settings(tmp_path, "de", "fr"))
    assert refused.value.sentence == (
        "[house] languages names fr, which the panel and the bot cannot speak: there are ar, de, en. Take it out, or "
        "translate Hearth first, as docs/hosting.md says."
    )


def test_one_who_is_dumb_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    panel, _ = languages.SPEAKERS
    monkeypatch.setattr(languages, "SPEAKERS", (panel, ("the bot", tmp_path, "bridge")))
    with pytest.raises(Misconfigured, match="names de, which the bot cannot speak: there are en"):
        languages.check(("en", "de"))
