"""JSON as nobody expects it, for what is fuzzed: of any shape, or as it should be but for one part."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.bridge.matrix.olm_people import ADA, BOT, EVE, ROOM

DEEP = {f"DEEP-{depth}": "[" * depth + "]" * depth for depth in (80, 400, 900, 5_000)}
"""What stands for something nested so deep that the tools of a test stumble over it."""
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 2**53 + 1, 10**400, float("inf"), float("nan"), "", "\0", "\ud800", "x" * 70_000]
) | st.sampled_from([[], {}, [[]], {"": {}}, [None], "!room:test", "@ada:test", "join", "s1", *DEEP])
JUNK = ODD | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
OTHER = "!other:test"
USERS = st.sampled_from([ADA, BOT, EVE, "@\ud800:test", "@\0:test", "", "no id", "@" + "x" * 300 + ":test"])
ROOMS = st.sampled_from([ROOM, OTHER, "", "!\0", "!\ud800", "!" + "x" * 300])


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """As it should be, or of any other shape, or with a part of any other shape."""
    return st.one_of(usual, usual, usual, JUNK)


def shaped(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return mostly(st.fixed_dictionaries({}, optional={name: mostly(part) for name, part in parts.items()}))


def written(value: Any) -> str:
    text = json.dumps(value).replace("NaN", "1e999")
    for name, nested in DEEP.items():
        text = text.replace(f'"{name}"', nested)
    return text
