"""The bot's identity: its cross-signing keys, and its device signed by them.

Strict clients neither show messages from, nor give keys to, a device whose owner has not signed it (MSC4153). nio
has no cross-signing. People may verify this identity, so it is made once and never replaced.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridge.matrix import screening, signing
from bridge.matrix.connection import Connection, needed, path
from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import Rejected
from facilitator.errors import N_, Misconfigured

SEED_BYTES = 32
USAGES = ("master", "self_signing", "user_signing")

NOT_OURS = N_(
    "The homeserver shows another identity for Hearth's account than the one Hearth made. Either somebody reset it in "
    "another client, or someone is pretending. Do not go on until you know which: sign every other client out of the "
    "account, put back the database that holds the identity, or give Hearth a fresh account."
)
ANOTHER_DEVICE = N_(
    "The homeserver has other keys for Hearth's device than the key store. The key store was lost or an old copy was "
    "put back; sign the account in anew, so that it gets a new device."
)
NEEDS_CONFIRMATION = N_(
    "The homeserver does not let Hearth set up the identity of its account without a person confirming it. "
    "Allow it once in the homeserver's administration, then start again."
)
NOT_SIGNED = N_("The homeserver did not keep the signature of Hearth's device. Start again; if it stays, ask its host.")


class IdentityStorage(Protocol):
    """Where the three seeds are kept, sealed. `seeds`: usage → unpadded base64."""

    async def load(self) -> Mapping[str, str] | None: ...

    async def keep(self, seeds: Mapping[str, str], master_key: str) -> None:
        """Returns when they are safely stored: what is uploaded and then lost can never be used again."""


@dataclass(frozen=True)
class Keys:
    master: signing.SigningKey = field(repr=False)
    self_signing: signing.SigningKey = field(repr=False)
    user_signing: signing.SigningKey = field(repr=False)

    @classmethod
    def of(cls, seeds: Mapping[str, str]) -> "Keys":
        return cls(*(signing.SigningKey(signing.from_base64(seeds[usage])) for usage in USAGES))


class Identity:
    def __init__(self, machine: Machine, connection: Connection, storage: IdentityStorage) -> None:
        self._machine, self._connection, self._storage = machine, connection, storage

    async def check_device(self) -> None:
        """Before our keys are uploaded: a homeserver would let them replace the ones it has for this device, and
        nobody who spoke with it could read us again. Raises Misconfigured when it has others."""
        shown = await self._shown()
        devices = shown.get("device_keys", {}).get(self._machine.user_id) or {}
        if self._machine.device_id in devices and self._device(shown) is None:
            raise Misconfigured(ANOTHER_DEVICE)

    async def ensure(self) -> None:
        """Make the identity if there is none, sign the device if it is not, and check the whole chain as the
        server shows it. Raises Misconfigured when the server shows another identity or other device keys."""
        shown = await self._shown()
        keys = await self._keys(shown)
        if self._device(shown) is None:
            raise Misconfigured(ANOTHER_DEVICE)
        if self._public(shown, "master") is None:
            await self._publish(keys)
        elif not self._is_ours(shown, keys):
            raise Misconfigured(NOT_OURS)
        if not self._device_signed(shown):
            await self._sign_device(shown, keys)
            shown = await self._shown()
            if not (self._is_ours(shown, keys) and self._device_signed(shown)):
                raise Misconfigured(NOT_SIGNED)

    async def is_signed(self) -> bool:
        """Whether the server shows our device, signed by our identity, now."""
        seeds, shown = await self._storage.load(), await self._shown()
        return seeds is not None and self._is_ours(shown, Keys.of(seeds)) and self._device_signed(shown)

    async def _keys(self, shown: Mapping[str, Any]) -> Keys:
        seeds = await self._storage.load()
        if seeds is None:
            if self._public(shown, "master") is not None:
                raise Misconfigured(NOT_OURS)
            seeds = {usage: signing.to_base64(secrets.token_bytes(SEED_BYTES)) for usage in USAGES}
            await self._storage.keep(seeds, Keys.of(seeds).master.public)
        return Keys.of(seeds)

    async def _shown(self) -> dict[str, Any]:
        body: dict[str, Any] = {"device_keys": {self._machine.user_id: []}}
        answer = await self._connection.post(path("keys", "query"), body, kind="keys")
        needed(answer, "device_keys", dict)
        return answer

    def _public(self, shown: Mapping[str, Any], usage: str) -> str | None:
        return screening.cross_signing_key(shown, self._machine.user_id, usage)

    def _is_ours(self, shown: Mapping[str, Any], keys: Keys) -> bool:
        ours = (keys.master.public, keys.self_signing.public)
        return (self._public(shown, "master"), self._public(shown, "self_signing")) == ours

    def _device(self, shown: Mapping[str, Any]) -> dict[str, Any] | None:
        """Our device as shown, if its keys are the ones we hold."""
        device = screening.usable_devices(shown).get(self._machine.user_id, {}).get(self._machine.device_id)
        ours = self._machine.account.identity_keys["ed25519"]
        return device if device and device["keys"][f"ed25519:{self._machine.device_id}"] == ours else None

    def _device_signed(self, shown: Mapping[str, Any]) -> bool:
        device, user = self._device(shown), self._machine.user_id
        return device is not None and bool(screening.signed_devices(shown, user, {self._machine.device_id: device}))

    async def _publish(self, keys: Keys) -> None:
        user = self._machine.user_id
        master = self._object("master", keys.master)
        of_device = {f"ed25519:{self._machine.device_id}": self._machine.sign_json(dict(master))}
        body: dict[str, Any] = {"master_key": master | {"signatures": {user: of_device}}}
        for usage, key in (("self_signing", keys.self_signing), ("user_signing", keys.user_signing)):
            carried = self._object(usage, key)
            signature = {user: {keys.master.id: keys.master.sign(carried)}}
            body[f"{usage}_key"] = carried | {"signatures": signature}
        try:
            await self._connection.post(path("keys", "device_signing", "upload"), body, kind="keys")
        except Rejected as refused:
            raise Misconfigured(NEEDS_CONFIRMATION) from refused

    def _object(self, usage: str, key: signing.SigningKey) -> dict[str, Any]:
        return {"user_id": self._machine.user_id, "usage": [usage], "keys": {key.id: key.public}}

    async def _sign_device(self, shown: Mapping[str, Any], keys: Keys) -> None:
        device = self._device(shown)
        assert device is not None
        user, key = self._machine.user_id, keys.self_signing
        signed = device | {"signatures": {user: {**device["signatures"][user], key.id: key.sign(device)}}}
        body = {user: {self._machine.device_id: signed}}
        answer = await self._connection.post(path("keys", "signatures", "upload"), body, kind="keys")
        if answer.get("failures"):
            raise Misconfigured(NOT_SIGNED)
