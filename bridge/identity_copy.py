"""A copy of the bot's identity to keep apart: three seeds, sealed with a passphrase.

Whoever verified the bot trusts its master key. With this copy a house that lost its keys, its database or its machine
goes on under the same one; without, every member's app would warn of an impostor.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bridge.matrix.identity import USAGES, Keys
from facilitator.errors import Misconfigured
from facilitator.ids import UserId

FORM = "hearth identity 1"
ABOUT = "The sealed identity of Hearth's bot. Keep it apart; `hearth renew --identity FILE` asks for its passphrase."
SHORTEST = 12
SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32
WORK = {"n": 2**16, "r": 8, "p": 1}
"""What one guess costs: 64 MB and a fifth of a second."""

TOO_SHORT = f"Take a longer passphrase: at least {SHORTEST} characters. Four or five words are good."
NOT_A_COPY = "This file is not a sealed copy of Hearth's identity, or it is damaged."
DOES_NOT_OPEN = "This passphrase does not open the copy. Check it, or the file, and try again."


@dataclass(frozen=True)
class Copy:
    """An identity as it was sealed: whose, and its seeds by usage."""

    user_id: UserId
    seeds: Mapping[str, str] = field(repr=False)

    @property
    def master_key(self) -> str:
        return Keys.of(self.seeds).master.public


def seal(copy: Copy, passphrase: str) -> str:
    """Raises Misconfigured when the passphrase is short."""
    if len(passphrase) < SHORTEST:
        raise Misconfigured(TOO_SHORT)
    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    plain = json.dumps(dict(copy.seeds)).encode()
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, plain, _label(copy.user_id))
    told = {"form": FORM, "about": ABOUT, "account": copy.user_id, "master_key": copy.master_key}
    parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
    return json.dumps(told | {name: b64encode(part).decode() for name, part in parts.items()}, indent=1) + "\n"


def unseal(text: str, passphrase: str) -> Copy:
    """Raises Misconfigured, and says whether it is the file or the passphrase."""
    try:
        told: dict[str, Any] = json.loads(text)
        user_id = UserId(told["account"])
        salt, nonce, sealed = (b64decode(told[name], validate=True) for name in ("salt", "nonce", "sealed"))
        well_formed = told["form"] == FORM and len(nonce) == NONCE_BYTES and len(salt) == SALT_BYTES
    except (ValueError, KeyError, TypeError):
        well_formed = False
    if not well_formed:
        raise Misconfigured(NOT_A_COPY)
    try:
        seeds = json.loads(AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, _label(user_id)))
    except InvalidTag:
        raise Misconfigured(DOES_NOT_OPEN) from None
    return Copy(user_id, {usage: str(seeds[usage]) for usage in USAGES})


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, **WORK).derive(passphrase.encode())


def _label(user_id: UserId) -> bytes:
    return f"{FORM} {user_id}".encode()
