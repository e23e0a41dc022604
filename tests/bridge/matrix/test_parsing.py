"""What anybody can put into a message keeps nobody from reading the answer it comes with."""

import json
import math

import pytest

from bridge.matrix.parsing import DEEPEST, parsed

DEEP = 100_000


@pytest.mark.parametrize("value", [None, 3, "ä]", {"a": [1, {"b": "}{]["}]}, [], "\\", {"\ud800": "\u0000"}, 2**70])
def test_what_is_json_is_read_as_it_is(value: object) -> None:
    assert parsed(json.dumps(value).encode()) == value


@pytest.mark.parametrize("pair", ["[]", ['{"a":', "}"]])
def test_what_is_nested_without_end_is_left_out_and_the_rest_stays(pair: str) -> None:
    nested = pair[0] * DEEP + "1" + pair[1] * DEEP
    body = f'{{"deep": {nested}, "quoted \\"]": "[[[", "next_batch": "s1", "list": [{nested}, 2]}}'
    answer = parsed(body.encode())
    assert (answer["next_batch"], answer['quoted "]'], answer["list"][1]) == ("s1", "[[[", 2)
    json.dumps(answer)
    depth, inside = 0, answer["deep"]
    while inside:
        inside, depth = inside["a"] if isinstance(inside, dict) else inside[0], depth + 1
    assert depth < DEEPEST


def test_a_number_without_end_is_one_that_is_endless() -> None:
    answer = parsed(b'{"origin_server_ts": %s, "next_batch": "s1"}' % (b"9" * 10_000))
    assert (math.isinf(answer["origin_server_ts"]), answer["next_batch"]) == (True, "s1")


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert parsed(b'{"a": "\xff"}') == {"a": "\ufffd"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * DEEP, b"]" * DEEP, b'{"a": ', b'"', b"[1,]"])
def test_what_is_no_json_is_none(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed(body)
