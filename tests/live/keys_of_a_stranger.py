"""A device made of raw ratchets, so that a test can upload what no honest client would."""

from dataclasses import dataclass, field
from typing import Any

import vodozemac

from bridge.matrix.signing import canonical
from tests.live.world import Person

OLM, MEGOLM = "m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"


@dataclass
class RawDevice:
    person: Person
    account: vodozemac.Account = field(default_factory=vodozemac.Account)

    @property
    def key_id(self) -> str:
        return f"ed25519:{self.person.device_id}"

    def signed(self, value: dict[str, Any]) -> dict[str, Any]:
        signature = self.account.sign(canonical(value)).to_base64()
        return value | {"signatures": {self.person.user_id: {self.key_id: signature}}}

    async def publish(self, *, one_time: dict[str, Any] | None = None, **changed: str) -> None:
        """Upload device keys; `curve25519` and `ed25519` may be replaced by anything."""
        keys = {
            f"curve25519:{self.person.device_id}": changed.get("curve25519", self.account.curve25519_key.to_base64()),
            self.key_id: changed.get("ed25519", self.account.ed25519_key.to_base64()),
        }
        device = {
            "algorithms": [OLM, MEGOLM],
            "user_id": self.person.user_id,
            "device_id": self.person.device_id,
            "keys": keys,
        }
        body: dict[str, Any] = {"device_keys": self.signed(device)}
        if one_time is not None:
            body["one_time_keys"] = one_time
        await self.person.do("POST", "keys/upload", body)

    def sound_one_time_keys(self, count: int = 1) -> dict[str, Any]:
        self.account.generate_one_time_keys(count)
        keys = {
            f"signed_curve25519:{key_id}": self.signed({"key": key.to_base64()})
            for key_id, key in self.account.one_time_keys.items()
        }
        self.account.mark_keys_as_published()
        return keys
