"""The sealed copy of the identity: opens with its passphrase, for its account, and with nothing else."""

import json

import pytest

from bridge import identity_copy
from bridge.identity_copy import Copy
from bridge.matrix.identity import Keys, new_seeds
from facilitator.errors import Misconfigured
from tests.cast import BOT

PHRASE = "four plain words together"


@pytest.fixture(scope="module")
def copy() -> Copy:
    return Copy(BOT, new_seeds())


@pytest.fixture(scope="module")
def sealed(copy: Copy) -> str:
    return identity_copy.seal(copy, PHRASE)


def refused(text: str, passphrase: str = PHRASE) -> str:
    with pytest.raises(Misconfigured) as refusal:
        identity_copy.unseal(text, passphrase)
    return refusal.value.sentence


def test_what_was_sealed_is_opened_and_nothing_of_it_is_shown(copy: Copy, sealed: str) -> None:
    assert identity_copy.unseal(sealed, PHRASE) == copy
    assert copy.master_key == Keys.of(copy.seeds).master.public
    for seed in copy.seeds.values():
        assert seed not in sealed
        assert seed not in repr(copy)


def test_the_same_identity_is_never_sealed_alike(copy: Copy, sealed: str) -> None:
    assert identity_copy.seal(copy, PHRASE) != sealed


def test_another_passphrase_does_not_open_it(sealed: str) -> None:
    assert refused(sealed, PHRASE + "!") == identity_copy.DOES_NOT_OPEN


def test_a_copy_cannot_be_made_another_accounts(sealed: str) -> None:
    told = json.loads(sealed) | {"account": "@other:test"}
    assert refused(json.dumps(told)) == identity_copy.DOES_NOT_OPEN


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"form": "x", "account": "@a:b"}'])
def test_what_is_no_copy_is_told_from_a_wrong_passphrase(text: str) -> None:
    assert refused(text) == identity_copy.NOT_A_COPY


@pytest.mark.parametrize("missing", ["form", "salt", "nonce", "sealed"])
def test_a_damaged_copy_is_told(sealed: str, missing: str) -> None:
    assert refused(json.dumps(json.loads(sealed) | {missing: "%"})) == identity_copy.NOT_A_COPY


def test_a_short_passphrase_is_refused(copy: Copy) -> None:
    with pytest.raises(Misconfigured) as refusal:
        identity_copy.seal(copy, "short")
    assert refusal.value.sentence == identity_copy.TOO_SHORT
