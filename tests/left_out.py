"""What a run could not try, and why, said at its end. With HEARTH_TEST_ALL=1 leaving anything out is a failure.

A skipped test looks like a passed one from afar; so every skip is listed, and only a missing program excuses one.
"""

import os
import shutil
from collections import Counter
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests import postgres

HOUSE = Path(__file__).parents[1]
ALL = os.environ.get("HEARTH_TEST_ALL") == "1"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PEER = HOUSE / "deploy" / "peer"

left_out: dict[str, str] = {}  # test → why
not_asked_for: set[str] = set()


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
    not_asked_for.update(item.nodeid for item in items)


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
    left_out[report.nodeid] = why
    if ALL:
        report.outcome = "failed"
        report.longrepr = f"Left out although HEARTH_TEST_ALL=1: {why}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes tells the one that sums up."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput |= {"left out": left_out, "not asked for": sorted(not_asked_for)}


class SumsUp:
    """What only the process that handed the tests out does."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {})
        left_out.update(told.get("left out", {}))
        not_asked_for.update(told.get("not asked for", ()))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SumsUp())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("what was left out")
    for why, number in Counter(left_out.values()).items():
        terminalreporter.line(f"Left out: {number} × {why}")
    if not_asked_for:
        terminalreporter.line(f"Left out: {len(not_asked_for)} × not asked for (-m, -k or named tests)")
    if not left_out and not not_asked_for:
        terminalreporter.line("Left out: nothing")
