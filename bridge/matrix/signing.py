"""Matrix's signed JSON: canonical form, Ed25519 signatures made from a seed and checked against a public key.

nio signs with the device's key alone; the three cross-signing keys are ours to keep and to use.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def canonical(value: Mapping[str, Any]) -> bytes:
    """Canonical JSON of what is signed: without `signatures` and `unsigned` (spec, appendix "Signing JSON")."""
    signed = {key: part for key, part in value.items() if key not in ("signatures", "unsigned")}
    return json.dumps(signed, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def to_base64(raw: bytes) -> str:
    """Unpadded base64, as Matrix writes keys and signatures."""
    return base64.b64encode(raw).decode().rstrip("=")


def from_base64(text: str) -> bytes:
    """Raises ValueError when it is not base64."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


class SigningKey:
    """An Ed25519 key from its 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = to_base64(self._key.public_key().public_bytes_raw())

    @property
    def id(self) -> str:
        """The key's id in Matrix: cross-signing keys are named by their public half."""
        return f"ed25519:{self.public}"

    def sign(self, value: Mapping[str, Any]) -> str:
        return to_base64(self._key.sign(canonical(value)))


def is_signed(value: Mapping[str, Any], *, by: str, key_id: str, public: str) -> bool:
    """Whether `value` carries `by`'s signature under `key_id`, made with the key whose public half is given."""
    try:
        signature = from_base64(value["signatures"][by][key_id])
        Ed25519PublicKey.from_public_bytes(from_base64(public)).verify(signature, canonical(value))
    except (KeyError, TypeError, ValueError, AttributeError, InvalidSignature):
        return False
    return True
