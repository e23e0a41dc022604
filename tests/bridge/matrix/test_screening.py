"""Other people's keys: what is sound is kept, what is not costs the others nothing."""

from typing import Any

import pytest

from bridge.matrix import screening
from bridge.matrix.signing import SigningKey

ADA, BEN = "@ada:test", "@ben:test"
MASTER, SELF_SIGNING, DEVICE, OTHER = (SigningKey(bytes([number]) * 32) for number in range(1, 5))


def device(*, name: str = "PHONE", by: tuple[SigningKey, ...] = (), **changes: Any) -> dict[str, Any]:
    plain = {
        "user_id": ADA,
        "device_id": name,
        "algorithms": [screening.OLM, screening.MEGOLM],
        "keys": {f"ed25519:{name}": DEVICE.public, f"curve25519:{name}": OTHER.public},
    } | changes
    signatures = {f"ed25519:{name}": DEVICE.sign(plain)} | {key.id: key.sign(plain) for key in by}
    return plain | {"signatures": {ADA: signatures}}


def cross_key(usage: str, key: SigningKey, *, by: SigningKey | None = None) -> dict[str, Any]:
    plain = {"user_id": ADA, "usage": [usage], "keys": {key.id: key.public}}
    return plain | ({"signatures": {ADA: {by.id: by.sign(plain)}}} if by else {})


def answer(shown: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "device_keys": {ADA: {"PHONE": shown}},
        "master_keys": {ADA: cross_key("master", MASTER)},
        "self_signing_keys": {ADA: cross_key("self_signing", SELF_SIGNING, by=MASTER)},
    } | changes


def signed(shown: dict[str, Any]) -> frozenset[str]:
    return screening.signed_devices(shown, ADA, screening.usable_devices(shown).get(ADA, {}))


def test_a_device_its_owner_has_signed_is_signed() -> None:
    assert signed(answer(device(by=(SELF_SIGNING,)))) == {"PHONE"}


@pytest.mark.parametrize(
    "shown",
    [
        answer(device()),
        answer(device(by=(MASTER,))),
        answer(device(by=(SELF_SIGNING,)), master_keys={}),
        answer(device(by=(SELF_SIGNING,)), self_signing_keys={}),
        answer(device(by=(SELF_SIGNING,)), self_signing_keys={ADA: cross_key("self_signing", SELF_SIGNING)}),
        answer(device(by=(SELF_SIGNING,)), self_signing_keys={ADA: cross_key("self_signing", SELF_SIGNING, by=OTHER)}),
        answer(device(by=(SELF_SIGNING,)), self_signing_keys={ADA: cross_key("master", SELF_SIGNING, by=MASTER)}),
        answer(device(by=(SELF_SIGNING,)), master_keys={ADA: {"usage": 3, "user_id": ADA, "keys": {}}}),
        answer(device(by=(SELF_SIGNING,)), master_keys=[]),
    ],
    ids=["unsigned", "by master", "no master", "no self-signing", "loose", "forged", "wrong usage", "odd", "list"],
)
def test_a_chain_with_a_link_missing_signs_nothing(shown: dict[str, Any]) -> None:
    assert signed(shown) == frozenset()


@pytest.mark.parametrize(
    "shown",
    [
        device(keys={"ed25519:PHONE": "garbage!!", "curve25519:PHONE": OTHER.public}),
        device(keys={"ed25519:PHONE": DEVICE.public, "curve25519:PHONE": "garbage!!"}),
        device(keys={"ed25519:PHONE": DEVICE.public}),
        device(keys=[]),
        device(user_id=BEN),
        device(device_id="TABLET"),
        device() | {"algorithms": ["changed after signing"]},
        {},
        None,
        "words",
    ],
)
def test_a_device_that_is_not_one_is_left_out_and_the_others_stay(shown: Any) -> None:
    both = {"device_keys": {ADA: {"PHONE": shown, "TABLET": device(name="TABLET")}}}
    assert set(screening.usable_devices(both)[ADA]) == {"TABLET"}


@pytest.mark.parametrize("added", ["x", 3, {"device_display_name": {"not": "text"}}])
def test_what_a_server_adds_to_a_device_is_left_out(added: Any) -> None:
    shown = {"device_keys": {ADA: {"PHONE": device() | {"unsigned": added}}}}
    assert screening.usable_devices(shown) == {ADA: {"PHONE": device()}}


@pytest.mark.parametrize("shown", [{}, {"device_keys": None}, {"device_keys": {ADA: None}}, {"device_keys": []}])
def test_an_answer_of_the_wrong_shape_has_no_devices(shown: dict[str, Any]) -> None:
    assert not any(screening.usable_devices(shown).values())


def one_time_key(**changes: Any) -> dict[str, Any]:
    key = {"key": OTHER.public}
    signature = {ADA: {"ed25519:PHONE": DEVICE.sign(key)}}
    return {"signed_curve25519:AAAA": key | {"signatures": signature} | changes}


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"signed_curve25519:AAAA": {}},
        {"signed_curve25519:AAAA": "no object"},
        one_time_key(key="garbage!!"),
        one_time_key(key=None),
        one_time_key(signatures={}),
        one_time_key(signatures={ADA: {"ed25519:PHONE": "garbage!!"}}),
        None,
    ],
)
def test_a_one_time_key_that_is_not_one_is_left_out_and_the_others_stay(key: Any) -> None:
    claimed = {"one_time_keys": {ADA: {"PHONE": one_time_key(), "TABLET": key}, BEN: None}}
    assert screening.usable_one_time_keys(claimed) == {ADA: {"PHONE": one_time_key()}}
