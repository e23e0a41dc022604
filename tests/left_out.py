"""What a run could not try, and why, said at its end. With HEARTH_TEST_ALL=1 leaving anything out is a failure.

A skipped test looks like a passed one from afar; so every skip is listed, and only a missing program excuses one.
"""

import os
import shutil
from collections import Counter
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import postgres

HOUSE = Path(__file__).parents[1]
ALL = os.environ.get("HEARTH_TEST_ALL") == "1"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PEER = HOUSE / "deploy" / "peer"

left_out: list[tuple[str, str]] = []  # test, why
not_asked_for: list[str] = []


def missing(marker: str) -> str | None:
    """Why tests with this marker cannot run here; None when they can."""
    if marker == "live" and find_spec("synapse") is None:
        return "needs Synapse in this environment: run `make setup`"
    if marker == "browser" and not any(map(shutil.which, CHROMIUM)):
        return "needs Chromium: install the package chromium"
    if marker == "peer" and shutil.which("node") is None:
        return "needs Node: install the package nodejs"
    if marker == "peer" and not (PEER / "node_modules").is_dir():
        return f"needs the peer's packages: run `npm ci` in {PEER.relative_to(HOUSE)}"
    if marker == "postgres" and postgres.programs() is None:
        return "needs PostgreSQL's server programs: install the package postgresql"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = {marker: missing(marker) for marker in ("live", "browser", "peer", "postgres")}
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_deselected(items: list[pytest.Item]) -> None:
    not_asked_for.extend(item.nodeid for item in items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    note(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    note(report)
    return report


def note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    why = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")
    left_out.append((report.nodeid, why))
    if ALL:
        report.outcome = "failed"
        report.longrepr = f"Left out although HEARTH_TEST_ALL=1: {why}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("what was left out")
    for why, number in Counter(why for _, why in left_out).items():
        terminalreporter.line(f"Left out: {number} × {why}")
    if not_asked_for:
        terminalreporter.line(f"Left out: {len(not_asked_for)} × not asked for (-m, -k or named tests)")
    if not left_out and not not_asked_for:
        terminalreporter.line("Left out: nothing")
