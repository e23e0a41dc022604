"""The table [web]: what is wrong is refused with a sentence that names it."""

from pathlib import Path

import pytest

from facilitator.errors import Misconfigured
from facilitator.settings import load
from web.settings import Settings


def given(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "hearth.toml"
    file.write_text(f"[web]\n{text}\n")
    return load(file, "web", Settings, {})


def test_behind_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    settings = given(tmp_path, 'public_url = "https://Panel.Example.org/"')
    assert settings.secure and settings.cookie == "__Host-s"
    assert settings.origin == "https://panel.example.org" and settings.allowed_host == "panel.example.org"


def test_on_this_very_machine_plain_http_will_do(tmp_path: Path) -> None:
    settings = given(tmp_path, 'public_url = "http://localhost:8700"')
    assert not settings.secure and settings.cookie == "s" and settings.allowed_host == "localhost:8700"


@pytest.mark.parametrize(
    ("text", "named", "why"),
    [
        ('public_url = "http://panel.example.org"', "public_url", "https://"),
        ('public_url = "panel.example.org"', "public_url", "without a path"),
        ('public_url = "https://panel.example.org/hearth"', "public_url", "without a path"),
        ('trusted_proxies = ["proxy"]', "trusted_proxies", "127.0.0.1"),
        ("port = 99999", "port", "65535"),
        ('leave_to = "javascript:alert(1)"', "leave_to", "address of a page"),
        ('hots = "127.0.0.1"', "hots", "did you mean host"),
    ],
)
def test_a_wrong_setting_is_named_with_its_mend(tmp_path: Path, text: str, named: str, why: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        given(tmp_path, text)
    assert f"[web] {named}" in refusal.value.sentence and why in refusal.value.sentence


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
