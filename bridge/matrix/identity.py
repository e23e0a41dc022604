"""The bot's identity: its cross-signing keys, and its device signed by them.

Strict clients neither show messages from, nor give keys to, a device whose owner has not signed it (MSC4153). nio
has no cross-signing. People may verify this identity, so it is made once and never replaced.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridge.matrix import screening, signing
from bridge.matrix.connection import Connection, NeedsConfirmation, needed, path
from bridge.matrix.generation import MarkStorage
from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import Rejected
from bridge.matrix.login import confirmation
from facilitator.errors import N_, Misconfigured

SEED_BYTES = 32
USAGES = ("master", "self_signing", "user_signing")

NOT_OURS = N_(
    "The homeserver shows another identity for Hearth's account than the one Hearth made. Either somebody reset it in "
    "another client, or someone is pretending. Do not go on until you know which. Then sign every other client out of "
    "the account and run `hearth renew --new-identity`, or give Hearth a fresh account."
)
SEEDS_LOST = N_(
    "The secret half of Hearth's identity is lost. Bring it back from your sealed copy with "
    "`hearth renew --identity FILE`; without a copy, `hearth renew --new-identity` makes another identity."
)
ANOTHER_DEVICE = N_(
    "The homeserver has other keys for Hearth's device than the key store: the key store was lost, an old copy was "
    "put back, or the device belongs to another app. `hearth renew` gives the bot a new device and keeps its identity."
)
NEEDS_CONFIRMATION = N_(
    "The homeserver does not let Hearth set up the identity of its account without a person confirming it. "
    "Give the account's password, or allow it once in the homeserver's administration, then try again."
)
NOT_SIGNED = N_("The homeserver did not keep the signature of Hearth's device. Start again; if it stays, ask its host.")


class IdentityStorage(MarkStorage, Protocol):
    """Where the three seeds are kept, sealed. `seeds`: usage → unpadded base64."""

    async def load(self) -> Mapping[str, str] | None: ...

    async def keep(self, seeds: Mapping[str, str] | None, master_key: str | None) -> None:
        """Returns when they are safely stored: what is uploaded and then lost can never be used again."""

    async def master_key(self) -> str | None:
        """The public half of the identity that was kept last, known even where its seeds are lost."""


@dataclass(frozen=True)
class Keys:
    master: signing.SigningKey = field(repr=False)
    self_signing: signing.SigningKey = field(repr=False)
    user_signing: signing.SigningKey = field(repr=False)

    def published(self, user_id: str) -> dict[str, Any]:
        """The body of /keys/device_signing/upload: the master key, and the two it vouches for."""

        def carried(usage: str, key: signing.SigningKey) -> dict[str, Any]:
            return {"user_id": user_id, "usage": [usage], "keys": {key.id: key.public}}

        body = {"master_key": carried("master", self.master)}
        for usage, key in (("self_signing", self.self_signing), ("user_signing", self.user_signing)):
            plain = carried(usage, key)
            body[f"{usage}_key"] = plain | {"signatures": {user_id: {self.master.id: self.master.sign(plain)}}}
        return body

    @classmethod
    def of(cls, seeds: Mapping[str, str]) -> "Keys":
        return cls(*(signing.SigningKey(signing.from_base64(seeds[usage])) for usage in USAGES))


@dataclass(frozen=True)
class Shown:
    """What the server shows everybody of an account: its master key, its devices, and which of them that key signed."""

    master_key: str | None
    devices: frozenset[str] = field(repr=False)
    signed: frozenset[str] = field(repr=False)


async def identity_of(connection: Connection, user_id: str) -> Shown:
    body: dict[str, Any] = {"device_keys": {user_id: []}}
    answer = await connection.post(path("keys", "query"), body, kind="keys")
    usable = screening.usable_devices(answer).get(user_id, {})
    return Shown(
        master_key=screening.cross_signing_key(answer, user_id, "master"),
        devices=frozenset(needed(answer, "device_keys", dict).get(user_id) or {}),
        signed=screening.signed_devices(answer, user_id, usable),
    )


def new_seeds() -> dict[str, str]:
    return {usage: signing.to_base64(secrets.token_bytes(SEED_BYTES)) for usage in USAGES}


async def upload(connection: Connection, body: Mapping[str, Any], *, user_id: str, password: str | None) -> None:
    """Show an identity to the homeserver, confirmed with the password where it asks for it. Raises Misconfigured."""
    address = path("keys", "device_signing", "upload")
    try:
        await connection.post(address, dict(body), kind="keys")
    except NeedsConfirmation as asked:
        if password is None:
            raise Misconfigured(NEEDS_CONFIRMATION) from asked
        try:
            auth = confirmation(user_id, password, asked.session)
            await connection.post(address, dict(body) | {"auth": auth}, kind="keys")
        except Rejected as refused:
            raise Misconfigured(NEEDS_CONFIRMATION) from refused
    except Rejected as refused:
        raise Misconfigured(NEEDS_CONFIRMATION) from refused


async def replace(connection: Connection, storage: IdentityStorage, *, user_id: str, password: str | None) -> None:
    """Put a new identity in the place of one that is lost. Whoever verified the old one is warned by their app, so
    this is done for nothing less than a person's word. Where it fails, the seeds that were there are kept."""
    before, expected = await storage.load(), await storage.master_key()
    seeds = new_seeds()
    await storage.keep(seeds, Keys.of(seeds).master.public)
    try:
        await upload(connection, Keys.of(seeds).published(user_id), user_id=user_id, password=password)
    except Misconfigured:
        await storage.keep(before, expected)
        raise


class Identity:
    """`password`: of the account, where a person gave it; homeservers may ask for it before they take an identity."""

    def __init__(
        self, machine: Machine, connection: Connection, storage: IdentityStorage, password: str | None = None
    ) -> None:
        self._machine, self._connection, self._storage = machine, connection, storage
        self._password = password

    async def check(self) -> None:
        """Before our keys are uploaded: a homeserver would let them replace the ones it has for this device, and
        nobody who spoke with it could read us again; and a device has no business under an identity that is not ours.
        Raises Misconfigured."""
        shown, seeds = await self._shown(), await self._storage.load()
        if seeds is None and await self._storage.master_key() is not None:
            raise Misconfigured(SEEDS_LOST)
        theirs = self._public(shown, "master")
        if theirs is not None and (seeds is None or not self._is_ours(shown, Keys.of(seeds))):
            raise Misconfigured(NOT_OURS)
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

    async def is_ours(self) -> bool:
        """Whether the server shows the identity whose seeds we hold, now."""
        seeds, shown = await self._storage.load(), await self._shown()
        return seeds is not None and self._is_ours(shown, Keys.of(seeds))

    async def _keys(self, shown: Mapping[str, Any]) -> Keys:
        seeds = await self._storage.load()
        if seeds is None:
            if self._public(shown, "master") is not None:
                raise Misconfigured(NOT_OURS)
            seeds = new_seeds()
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
        body = keys.published(self._machine.user_id)
        plain = {name: part for name, part in body["master_key"].items() if name != "signatures"}
        of_device = {f"ed25519:{self._machine.device_id}": self._machine.sign_json(plain)}
        body["master_key"]["signatures"] = {self._machine.user_id: of_device}
        await upload(self._connection, body, user_id=self._machine.user_id, password=self._password)

    async def _sign_device(self, shown: Mapping[str, Any], keys: Keys) -> None:
        device = self._device(shown)
        assert device is not None
        user, key = self._machine.user_id, keys.self_signing
        signed = device | {"signatures": {user: {**device["signatures"][user], key.id: key.sign(device)}}}
        body = {user: {self._machine.device_id: signed}}
        answer = await self._connection.post(path("keys", "signatures", "upload"), body, kind="keys")
        if answer.get("failures"):
            raise Misconfigured(NOT_SIGNED)
