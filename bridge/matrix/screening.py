"""What may be believed of an answer about other people's keys. Pure: raw JSON in, the good part of it out.

Any Matrix user can upload keys that are not keys, and homeservers hand them on: one such device must not cost the
others their messages, and an empty one-time key must not stop a room.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from bridge.matrix.signing import from_base64, is_signed

Devices = dict[str, dict[str, Any]]
KEY_BYTES = 32
OLM = "m.olm.v1.curve25519-aes-sha2"
MEGOLM = "m.megolm.v1.aes-sha2"
LONGEST_ID = 255
"""Bytes of a user's, room's or event's id (spec, "Size limits")."""
DEVICES = 100
"""Of one person. A room must not wait for keys to be made for thousands of them."""


def usable_devices(answer: Mapping[str, Any]) -> dict[str, Devices]:
    """user → device → its keys, from /keys/query: only those well formed and signed by the device itself, without
    what the server adds (names people give their devices are none of our business)."""
    return {
        user: {device: _bare(keys) for device, keys in _first(user, devices) if _is_device(user, device, keys)}
        for user, devices in mapping(answer.get("device_keys")).items()
        if is_text(user, LONGEST_ID)
    }


def signed_devices(answer: Mapping[str, Any], user: str, devices: Devices) -> frozenset[str]:
    """The devices `user` has signed: master key → self-signing key → device, each link checked (MSC4153)."""
    self_signing = _self_signing(answer, user)
    if self_signing is None:
        return frozenset()
    return frozenset(
        device
        for device, keys in devices.items()
        if is_signed(keys, by=user, key_id=f"ed25519:{self_signing}", public=self_signing)
    )


def cross_signing_key(answer: Mapping[str, Any], user: str, usage: str) -> str | None:
    """The public half of `user`'s master or self_signing key as the server shows it; None when there is none."""
    key = mapping(mapping(answer.get(f"{usage}_keys")).get(user))
    usages = key.get("usage")
    if key.get("user_id") != user or not isinstance(usages, list) or usage not in usages:
        return None
    publics = [public for public in mapping(key.get("keys")).values() if _is_key(public)]
    return publics[0] if len(publics) == 1 and f"ed25519:{publics[0]}" in key["keys"] else None


def master_keys(answer: Mapping[str, Any], users: Iterable[str]) -> dict[str, str]:
    """user → the public master key the server shows of them, where it shows one."""
    shown = ((user, cross_signing_key(answer, user, "master")) for user in users)
    return {user: key for user, key in shown if key is not None}


def usable_one_time_keys(answer: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """user → device → one signed one-time key object, from /keys/claim. Whose signature it is, nio checks."""
    claimed: dict[str, dict[str, dict[str, Any]]] = {}
    for user, devices in mapping(answer.get("one_time_keys")).items():
        for device, keys in mapping(devices).items():
            if _is_one_time_key(user, device, keys):
                claimed.setdefault(user, {})[device] = keys
    return claimed


def _first(user: str, devices: Any) -> list[tuple[str, Any]]:
    """At most DEVICES, those first that seem to be signed by more than themselves; always the same ones."""

    def order(named: tuple[str, Any]) -> tuple[bool, str]:
        signatures = mapping(mapping(mapping(named[1]).get("signatures")).get(user))
        return len(signatures) < 2, named[0]

    named = [(device, keys) for device, keys in mapping(devices).items() if is_text(device, LONGEST_ID)]
    return sorted(named, key=order)[:DEVICES] if len(named) > DEVICES else named


def _self_signing(answer: Mapping[str, Any], user: str) -> str | None:
    master = cross_signing_key(answer, user, "master")
    self_signing = cross_signing_key(answer, user, "self_signing")
    if master is None or self_signing is None:
        return None
    carried = answer["self_signing_keys"][user]
    return self_signing if is_signed(carried, by=user, key_id=f"ed25519:{master}", public=master) else None


def _is_device(user: str, device: str, keys: Any) -> bool:
    try:
        signing, identity = keys["keys"][f"ed25519:{device}"], keys["keys"][f"curve25519:{device}"]
        named = keys["user_id"] == user and keys["device_id"] == device
    except (KeyError, TypeError):
        return False
    sound = named and _is_key(signing) and _is_key(identity)
    return sound and is_signed(keys, by=user, key_id=f"ed25519:{device}", public=signing)


def _bare(keys: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in keys.items() if name != "unsigned"}


def _is_one_time_key(user: str, device: str, keys: Any) -> bool:
    if not isinstance(keys, dict) or len(keys) != 1:
        return False
    (key,) = keys.values()
    try:
        signature = from_base64(key["signatures"][user][f"ed25519:{device}"])
        return _is_key(key["key"]) and len(signature) == 2 * KEY_BYTES
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _is_key(text: Any) -> bool:
    try:
        return isinstance(text, str) and len(from_base64(text)) == KEY_BYTES
    except ValueError:
        return False


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def is_text(value: Any, most: int) -> TypeGuard[str]:
    """Whether it is text of at most so many bytes that a database can hold. JSON has halves of characters, which are
    no text, and a character for nothing, which PostgreSQL refuses."""
    if not isinstance(value, str) or not 0 < len(value) <= most or "\0" in value:
        return False
    try:
        return len(value.encode()) <= most
    except UnicodeEncodeError:
        return False
