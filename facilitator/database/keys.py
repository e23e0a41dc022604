"""Key rings: what seals columns, indexes them blindly and yields a service's own secrets.

A ring is one small file apart from the database, so that a stolen database or backup alone opens nothing.
"""

import hmac
import json
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.exc import DontWrapMixin

from facilitator.errors import Misconfigured

KEY_BYTES = 32
ID_BYTES = 4
NONCE_BYTES = 12
FORMAT = b"\x01"  # of a sealed value: format, key id, nonce, ciphertext with its tag
LIMIT = 64 * 1024  # a ring is a few hundred bytes; whatever is larger is not one


class CannotOpen(DontWrapMixin, Exception):
    """A sealed value does not open: altered, moved to another column, or sealed with a key this ring lacks."""


@dataclass(frozen=True, repr=False)
class KeyRing:
    """Keys by id. `active` seals; the others still open what they sealed. `lasting` never rotates: blind indexes
    and derived secrets hang on it."""

    active: str
    keys: Mapping[str, bytes]
    lasting: bytes

    def __repr__(self) -> str:
        return f"KeyRing({len(self.keys)} keys)"

    @classmethod
    def new(cls) -> Self:
        """A ring of one random key, in memory only."""
        key_id = secrets.token_hex(ID_BYTES)
        return cls(key_id, {key_id: secrets.token_bytes(KEY_BYTES)}, secrets.token_bytes(KEY_BYTES))

    @classmethod
    def create(cls, path: Path) -> Self:
        """Write a new ring, readable by this user alone. Misconfigured when there is something at `path` already:
        a lost key is lost with all it sealed."""
        ring = cls.new()
        try:
            write_privately(path, ring.as_text(), over=False)
        except FileExistsError:
            raise Misconfigured(f"There is already a key file at {path}; it is never overwritten.") from None
        except OSError as error:
            raise Misconfigured(f"The key file {path} cannot be written: {error.strerror}.") from None
        return ring

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a ring. Misconfigured, with the mend, when it is missing, readable by others or no key ring."""
        return cls.from_text(read_privately(path), path)

    @classmethod
    def from_text(cls, text: str, path: Path) -> Self:
        try:
            found = json.loads(text)
            keys = {key_id: key_of(key) for key_id, key in found["keys"].items()}
            ring = cls(found["active"], keys, key_of(found["lasting"]))
            well_formed = ring.active in keys and all(len(bytes.fromhex(key_id)) == ID_BYTES for key_id in keys)
        except (ValueError, KeyError, TypeError, AttributeError):
            well_formed = False
        if not well_formed:
            raise Misconfigured(f"The key file {path} is damaged or no key ring: bring it back from your copy of it.")
        short = [key for key in (*ring.keys.values(), ring.lasting) if len(key) != KEY_BYTES]
        if short:
            raise Misconfigured(
                f"The key file {path} holds a key that is not {KEY_BYTES} bytes long: bring it back from your copy."
            )
        return ring

    def as_text(self) -> str:
        keys = {key_id: b64encode(key).decode() for key_id, key in self.keys.items()}
        ring = {"active": self.active, "keys": keys, "lasting": b64encode(self.lasting).decode()}
        return json.dumps(ring, indent=1) + "\n"

    def rotated(self) -> Self:
        """This ring with a new active key in front; what the old ones sealed still opens."""
        key_id = secrets.token_hex(ID_BYTES)
        return replace(self, active=key_id, keys={**self.keys, key_id: secrets.token_bytes(KEY_BYTES)})

    def save(self, path: Path) -> None:
        """Put this ring in the place of the one at `path`, whole or not at all."""
        write_privately(path, self.as_text(), over=True)

    def seal(self, plain: bytes, label: str) -> bytes:
        """Encrypt and authenticate. `label` (table.column) goes along unseen: elsewhere the value does not open."""
        head = FORMAT + bytes.fromhex(self.active)
        nonce = secrets.token_bytes(NONCE_BYTES)
        return head + nonce + cipher(self.keys[self.active]).encrypt(nonce, plain, head + label.encode())

    def open(self, sealed: bytes, label: str) -> bytes:
        """Raises CannotOpen."""
        head, rest = sealed[: 1 + ID_BYTES], sealed[1 + ID_BYTES :]
        key = self.keys.get(head[1:].hex())
        if head[:1] != FORMAT or key is None:
            raise CannotOpen(f"A value in {label} was sealed with a key this ring does not have.")
        try:
            return cipher(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], head + label.encode())
        except (InvalidTag, ValueError):
            raise CannotOpen(f"A value in {label} was altered, or does not belong there.") from None

    def blind(self, domain: str, plain: str) -> str:
        """The same hex for the same text, for equality in SQL; tells nothing without the ring."""
        return hmac.digest(derived(self.lasting, f"blind {domain}"), plain.encode(), "sha256").hex()

    def derived(self, purpose: str) -> bytes:
        """A secret of a service's own (32 bytes), the same at every start and after every rotation."""
        return derived(self.lasting, purpose)


@lru_cache(maxsize=64)
def derived(lasting: bytes, purpose: str) -> bytes:
    """Kept: every name that is looked for asks for the same one, and deriving it costs ten times what using it does."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"hearth {purpose}".encode()).derive(lasting)


cipher = lru_cache(maxsize=64)(AESGCM)
"""Of a key, likewise kept."""


def key_of(text: Any) -> bytes:
    return b64decode(text, validate=True)


def read_privately(path: Path) -> str:
    """The text of a secret file. Misconfigured when it is missing or others could read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise Misconfigured(f"The key file {path} can be read by others: run `chmod 600 {path}`.")
            return file.read(LIMIT).decode()
    except FileNotFoundError:
        raise Misconfigured(
            f"The key file {path} is missing: put back your copy; for a new database `hearth migrate` makes one."
        ) from None
    except OSError as error:
        raise Misconfigured(f"The key file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Misconfigured(
            f"The key file {path} is damaged or no key ring: bring it back from your copy of it."
        ) from None


def write_privately(path: Path, text: str, *, over: bool) -> None:
    """Write a file of mode 0600 that is there whole or not at all. FileExistsError unless `over`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if over:
            draft.replace(path)
        else:
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
