"""What the bridge needs to run: the homeserver, its account, its keys. Read once at the start (table [bridge])."""

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from facilitator.settings_file import Place


class Settings(BaseModel):
    """Frozen; secrets are file paths here, never values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    homeserver: str = Field(description="The homeserver's client address, for example https://matrix.example.org.")
    user_id: str = Field(description="The bot's Matrix ID, for example @hearth:example.org.")
    password_file: Place | None = Field(
        default=None, description="A file (mode 0600) with the bot's password; read where it has to sign in."
    )
    bridge_key: Place | None = Field(
        default=None, description="The bridge's key ring; by default bridge.key in the data folder."
    )
    recovery_account: str | None = Field(
        default=None,
        description="A Matrix ID that becomes a second creator of every room, so that a lost bot orphans none.",
    )
    only_signed_devices: bool = Field(
        default=True, description="In group rooms, devices their owner has not signed get no keys (MSC4153)."
    )
    health_port: int = Field(default=0, ge=0, le=65535, description="Loopback port of /livez and /readyz; 0: none.")
    panel_url: str | None = Field(
        default=None,
        description="The panel's address in the links the bot sends; without this line, [web] public_url.",
    )
    display_name: str = Field(default="Hearth", description="The bot's name in rooms. Keep it neutral.")

    def key_in(self, data_dir: Path) -> Path:
        """Where the bridge's key ring is."""
        return self.bridge_key or data_dir / "bridge.key"


SYNC_WAIT = timedelta(seconds=30)
LEASE = timedelta(seconds=30)
LOOK_AGAIN = timedelta(seconds=2)
"""A lost wake-up costs this much and never an act."""
