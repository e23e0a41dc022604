"""Seals what our own tables in the key store say of people: who is in which room, and who was given its key.

Our database seals exactly that, so it must not stand in clear beside it. The key is derived from the one that locks
the store. nio's own tables name the devices it knows and whose they are; those it reads itself, so they stay as they
are: whoever has the file alone learns whom the bot can write to, and not who belongs together.
"""

import json
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 64


class Seal:
    """The same value under the same label is sealed the same (AES-SIV): it can be looked for and needs no index."""

    def __init__(self, pickle_key: str) -> None:
        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"hearth key store columns")
        self._cipher = AESSIV(derived.derive(pickle_key.encode()))

    def close(self, value: Any, *label: str) -> bytes:
        """`label`: table, column and row. Put elsewhere it does not open."""
        return self._cipher.encrypt(json.dumps(value).encode(), _parts(label))

    def open(self, sealed: Any, *label: str) -> Any:
        """None for what was not sealed here."""
        try:
            return json.loads(self._cipher.decrypt(sealed, _parts(label)))
        except (InvalidTag, TypeError, ValueError):
            return None


def _parts(label: tuple[str, ...]) -> list[bytes]:
    return [part.encode() for part in label]
