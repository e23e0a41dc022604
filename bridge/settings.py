"""What the bridge needs to run: the homeserver, its account, its keys. Read once at the start (table [bridge])."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from facilitator.settings_values import setting, within


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Frozen; secrets are file paths here, never values."""

    homeserver: str = setting("The homeserver's client address, for example https://matrix.example.org.")
    user_id: str = setting("The bot's Matrix ID, for example @hearth:example.org.")
    password_file: Path | None = setting(
        "A file (mode 0600) with the bot's password; read where it has to sign in.", default=None
    )
    bridge_key: Path | None = setting("The bridge's key ring; by default bridge.key in the data folder.", default=None)
    recovery_account: str | None = setting(
        "A Matrix ID that becomes a second creator of every room, so that a lost bot orphans none.", default=None
    )
    only_signed_devices: bool = setting(
        "In group rooms, devices their owner has not signed get no keys (MSC4153).", default=True
    )
    health_port: Annotated[int, within(0, 65535)] = setting("Loopback port of /livez and /readyz; 0: none.", default=0)
    display_name: str = setting("The bot's name in rooms. Keep it neutral.", default="Hearth")

    def key_in(self, data_dir: Path) -> Path:
        """Where the bridge's key ring is."""
        return self.bridge_key or data_dir / "bridge.key"


SYNC_WAIT = timedelta(seconds=30)
LEASE = timedelta(seconds=30)
LOOK_AGAIN = timedelta(seconds=2)
"""A lost wake-up costs this much and never an act."""
