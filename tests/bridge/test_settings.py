"""The bridge's settings: a sentence for each, nothing changed afterwards, nothing misunderstood in silence."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge.settings import Settings
from facilitator.errors import Misconfigured
from facilitator.settings import load

NEEDED = {"HEARTH_BRIDGE_HOMESERVER": "https://matrix.example.org", "HEARTH_BRIDGE_USER_ID": "@hearth:example.org"}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_sentence(name: str) -> None:
    sentence = Settings.model_fields[name].description or ""
    assert sentence[:1].isupper() and sentence.endswith(".") and len(sentence) <= 110


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_what_is_missing_is_named(missing: str) -> None:
    given = {name: value for name, value in NEEDED.items() if name != missing}
    with pytest.raises(Misconfigured) as refused:
        load(None, "bridge", Settings, given)
    assert f"[bridge] {missing.removeprefix('HEARTH_BRIDGE_').lower()} is missing" in refused.value.sentence


@pytest.mark.parametrize("port", ["-1", "65536", "eight"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(Misconfigured, match="health_port"):
        load(None, "bridge", Settings, NEEDED | {"HEARTH_BRIDGE_HEALTH_PORT": port})


def test_a_password_itself_is_no_setting_and_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "hearth.toml"
    file.write_text('[bridge]\npassword = "hunter2"\n')
    with pytest.raises(Misconfigured) as refused:
        load(file, "bridge", Settings, NEEDED)
    assert "password" in refused.value.sentence and "hunter2" not in refused.value.sentence


def test_the_safe_choice_holds_where_nothing_is_said() -> None:
    usual = load(None, "bridge", Settings, NEEDED)
    assert (usual.only_signed_devices, usual.health_port, usual.display_name) == (True, 0, "Hearth")
    with pytest.raises(ValidationError):
        usual.health_port = 1  # type: ignore[misc]
