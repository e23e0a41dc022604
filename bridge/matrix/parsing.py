"""JSON from a homeserver, whatever somebody had it carry: nested deeper than Python reads, or with endless numbers.

What anybody can put into a message must not make the answer it comes with unreadable: that answer would come again
and again, and nothing of it would ever be heard.
"""

import json
import re
from typing import Any

DEEPEST = 64
LONGEST_NUMBER = 400
MARK = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


def parsed(body: bytes) -> Any:
    """What `body` says. Raises ValueError when it is no JSON."""
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (RecursionError, ValueError):
        return json.loads(_shallow(text), parse_int=_number)


def _shallow(text: str) -> str:
    """The same with everything deeper than DEEPEST left out."""
    kept, depth, begin = [], 0, 0
    for found in MARK.finditer(text):
        if found[0] in ("[", "{"):
            depth += 1
            if depth == DEEPEST + 1:
                kept += [text[begin : found.start()], "null"]
        elif found[0] in ("]", "}"):
            if depth == DEEPEST + 1:
                begin = found.end()
            depth -= 1
    if depth > DEEPEST:
        raise ValueError("what was opened is never closed")
    return "".join([*kept, text[begin:]])


def _number(digits: str) -> float:
    return int(digits) if len(digits) <= LONGEST_NUMBER else float("inf")
