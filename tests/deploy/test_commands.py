"""What the services are told of each other, from one settings file."""

from pathlib import Path

import pytest

from deploy import commands

BRIDGE = '[bridge]\nhomeserver = "https://example.org"\nuser_id = "@hearth:example.org"\n'
PANEL = '[web]\npublic_url = "https://Panel.example.org/"\n'


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (BRIDGE + PANEL, "https://panel.example.org"),
        (BRIDGE + 'panel_url = "https://elsewhere.example.org"\n' + PANEL, "https://elsewhere.example.org"),
        (BRIDGE, "http://localhost:8700"),
    ],
)
def test_the_links_the_bot_sends_lead_to_where_the_panel_is(tmp_path: Path, text: str, address: str) -> None:
    file = tmp_path / "hearth.toml"
    file.write_text(text)
    assert commands.bridge_of(file).panel_url == address
