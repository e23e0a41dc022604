"""Key rings: private files, whole or not at all, and one clear sentence when one cannot be used."""

import json
import os
import stat
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.database.keys import CannotOpen, KeyRing
from facilitator.errors import Misconfigured

RING = KeyRing.new()


def write(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def changed(**parts: Any) -> str:
    return json.dumps({**json.loads(RING.as_text()), **parts})


def test_a_new_ring_is_a_private_file_that_loads_again(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        made = KeyRing.create(tmp_path / "folder" / "people.key")
    finally:
        os.umask(old)
    file = tmp_path / "folder" / "people.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert KeyRing.load(file) == made
    assert [path.name for path in file.parent.iterdir()] == ["people.key"]  # no draft stays behind


def test_a_ring_is_never_overwritten_by_a_new_one(tmp_path: Path) -> None:
    first = KeyRing.create(tmp_path / "people.key")
    with pytest.raises(Misconfigured, match="never overwritten"):
        KeyRing.create(tmp_path / "people.key")
    assert KeyRing.load(tmp_path / "people.key") == first


def test_a_missing_ring_says_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="is missing: put back your copy"):
        KeyRing.load(tmp_path / "people.key")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_a_ring_others_could_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(Misconfigured, match="run `chmod 600"):
        KeyRing.load(write(tmp_path / "people.key", RING.as_text(), mode))


def test_a_ring_that_may_only_be_read_is_fine(tmp_path: Path) -> None:
    assert KeyRing.load(write(tmp_path / "people.key", RING.as_text(), 0o400)) == RING


@pytest.mark.parametrize(
    "content",
    [
        "", "no json", "[]", "{}", "null", b"\xff\xfe", changed(active="00000000"), changed(active=None),
        pytest.param(changed(keys=[]), id="no keys"),
        changed(keys={"zz": b64encode(bytes(32)).decode()}), changed(lasting="***"), changed(lasting=None),
    ],
)  # fmt: skip
def test_a_damaged_ring_is_refused(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(Misconfigured, match="damaged or no key ring"):
        KeyRing.load(write(tmp_path / "people.key", content))


@pytest.mark.parametrize("short", [changed(lasting="QUJD"), changed(active="00000000", keys={"00000000": "QUJD"})])
def test_a_key_that_is_too_short_is_refused(tmp_path: Path, short: str) -> None:
    with pytest.raises(Misconfigured, match="not 32 bytes"):
        KeyRing.load(write(tmp_path / "people.key", short))


def test_a_folder_in_the_rings_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        KeyRing.load(tmp_path)


def test_keys_never_show() -> None:
    key = RING.keys[RING.active]
    assert repr(RING) == str(RING) == "KeyRing(1 keys)"
    assert key.hex() not in repr(RING) and b64encode(key).decode() not in repr(RING)


@given(st.binary(max_size=2000), st.text(max_size=40))
def test_what_is_sealed_opens_again(plain: bytes, label: str) -> None:
    assert RING.open(RING.seal(plain, label), label) == plain


@given(st.binary(max_size=40), st.data())
def test_one_changed_bit_anywhere_is_noticed(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(RING.seal(plain, "a.b"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(CannotOpen):
        RING.open(bytes(sealed), "a.b")


@given(st.binary(max_size=60))
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(CannotOpen):
        RING.open(sealed, "a.b")


def test_a_sealed_value_opens_in_its_own_place_only() -> None:
    with pytest.raises(CannotOpen, match="does not belong there"):
        RING.open(RING.seal(b"Ada", "accounts.name"), "groups.name")


def test_after_a_rotation_old_values_open_and_indexes_and_secrets_stay(tmp_path: Path) -> None:
    sealed = RING.seal(b"Ada", "accounts.name")
    RING.rotated().save(write(tmp_path / "people.key", RING.as_text()))
    rotated = KeyRing.load(tmp_path / "people.key")
    assert rotated.active != RING.active and rotated.open(sealed, "accounts.name") == b"Ada"
    assert rotated.blind("matrix_id", "@a:x") == RING.blind("matrix_id", "@a:x")
    assert rotated.derived("keystore") == RING.derived("keystore")
    with pytest.raises(CannotOpen, match="key this ring does not have"):
        RING.open(rotated.seal(b"Ada", "accounts.name"), "accounts.name")


def test_indexes_and_secrets_are_apart_by_ring_and_by_purpose() -> None:
    rings = (RING, KeyRing.new())
    indexes = [ring.blind(domain, "@a:x") for ring in rings for domain in ("matrix_id", "matrix")]
    secrets = [ring.derived(purpose) for ring in rings for purpose in ("keystore", "other")]
    assert len({*indexes, *secrets}) == 8
    assert {len(value) for value in indexes} == {64} and {len(value) for value in secrets} == {32}
