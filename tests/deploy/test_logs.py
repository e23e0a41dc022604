"""Nothing but harmless keys is ever written down: no name, id, token or word of anybody's, not even by a library."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from deploy import logs
from facilitator.errors import Misconfigured

CANARY = "@cleo:example.org whispered hunter2"


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    before = structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.err == ""
    return [json.loads(line) for line in captured.out.splitlines()]


def test_a_known_key_is_kept_and_any_other_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger("x").warning("room refused", room_id="7", sender=CANARY)
    [line] = said(capsys)
    assert (line["event"], line["room_id"], line["level"]) == ("room refused", "7", "warning")
    assert CANARY not in json.dumps(line)


def test_of_a_library_only_is_said_that_it_spoke(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logging.getLogger("alembic.runtime").warning("no session for %s", CANARY)
    logging.getLogger("alembic.runtime").info("all is well")
    [line] = said(capsys)
    assert line["library"] == "alembic.runtime"
    assert CANARY not in json.dumps(line)


def test_an_error_keeps_its_trace_and_loses_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        structlog.get_logger("x").error("pass failed", exc_info=error)
    [line] = said(capsys)
    assert CANARY not in json.dumps(line)
    assert "builtins.ValueError" in json.dumps(line["trace"])
    assert "test_an_error_keeps_its_trace" in json.dumps(line["trace"])


def test_a_trace_tells_the_causes_and_the_sentences_of_our_own() -> None:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as cause:
            raise Misconfigured("The key is missing.") from cause
    except Misconfigured as error:
        told = "\n".join(logs.trace(error))
    assert "facilitator.errors.Misconfigured: The key is missing." in told
    assert "builtins.KeyError" in told
    assert CANARY not in told


def test_a_trace_ends_where_an_error_is_its_own_cause() -> None:
    error, other = ValueError(CANARY), KeyError(CANARY)
    error.__cause__, other.__cause__ = other, error
    assert [line for line in logs.trace(error) if not line.startswith("  ")] == [
        "builtins.ValueError", "builtins.KeyError",
    ]  # fmt: skip


def test_a_trace_tells_every_error_of_a_group() -> None:
    told = "\n".join(logs.trace(ExceptionGroup(CANARY, [ValueError(CANARY), OSError(CANARY)])))
    assert "builtins.ValueError" in told
    assert "builtins.OSError" in told
    assert CANARY not in told
