"""Signed JSON: the specification's own example, and everything that is not a signature."""

import pytest

from bridge.matrix.signing import SigningKey, canonical, from_base64, is_signed, to_base64

SEED = bytes(range(32))


def test_canonical_json_is_sorted_tight_unescaped_and_leaves_out_what_is_not_signed() -> None:
    value = {"b": [1, {"z": True, "a": None}], "a": "日本", "unsigned": {"x": 1}, "signatures": {"x": {}}}
    assert canonical(value) == '{"a":"日本","b":[1,{"a":null,"z":true}]}'.encode()


def test_the_specifications_own_example_is_signed_alike() -> None:
    """The test vector of the spec's appendix "Signing JSON"."""
    key = SigningKey(from_base64("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"))
    signature = "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"
    assert key.sign({"one": 1, "two": "Two"}) == signature


def test_what_a_key_signed_is_recognised_and_anything_else_is_not() -> None:
    key, other = SigningKey(SEED), SigningKey(bytes(32))
    value = {"device_id": "PHONE"}
    signed = value | {"signatures": {"@ada:test": {key.id: key.sign(value)}}, "unsigned": {"age": 3}}

    assert is_signed(signed, by="@ada:test", key_id=key.id, public=key.public)
    assert not is_signed(signed | {"device_id": "OTHER"}, by="@ada:test", key_id=key.id, public=key.public)
    assert not is_signed(signed, by="@ben:test", key_id=key.id, public=key.public)
    assert not is_signed(signed, by="@ada:test", key_id=key.id, public=other.public)


@pytest.mark.parametrize("signatures", [None, 3, "x", {}, {"@ada:test": None}, {"@ada:test": {"k": 3}}])
def test_a_malformed_signature_is_no_signature(signatures: object) -> None:
    assert not is_signed({"signatures": signatures}, by="@ada:test", key_id="k", public=SigningKey(SEED).public)


@pytest.mark.parametrize("public", ["", "garbage!!", "AAAA", "é"])
def test_a_malformed_key_has_signed_nothing(public: str) -> None:
    key = SigningKey(SEED)
    signed = {"signatures": {"@ada:test": {"k": key.sign({})}}}
    assert not is_signed(signed, by="@ada:test", key_id="k", public=public)


def test_base64_is_written_without_padding_and_read_with_or_without() -> None:
    assert to_base64(b"\x00") == "AA"
    assert from_base64("AA") == from_base64("AA==") == b"\x00"
    with pytest.raises(ValueError):
        from_base64("garbage!!")
