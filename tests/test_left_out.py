"""A run says at its end what it left out; with HEARTH_TEST_ALL=1 leaving anything out makes it fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
SKIPPED = "import pytest\n@pytest.mark.skip(reason='the moon is down')\ndef test_one(): pass\ndef test_two(): pass\n"
NEEDS_NODE = "import pytest\n@pytest.mark.peer\ndef test_one(): pass\n"
SKIPPED_FILE = "import pytest\npytest.skip('no such file', allow_module_level=True)\n"
TWO = ("-n", "2")
"""Two processes take the tests between them."""
EXPECTED = "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_one(): assert False\n"


def run(
    folder: Path, source: str, *options: str, everything: bool = False, path: str = os.environ["PATH"]
) -> tuple[int, str]:
    (folder / "test_it.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", HOUSE / "pyproject.toml", "--rootdir", folder, "-p", "tests.postgres",
         "-p", "tests.left_out", "-p", "no:cacheprovider", *options, folder / "test_it.py"],
        cwd=HOUSE, capture_output=True, text=True, check=False,
        env={"PATH": path, "PYTHONPATH": str(HOUSE), "HEARTH_TEST_ALL": "1" if everything else "0"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_run_with_nothing_left_out_says_so(tmp_path: Path) -> None:
    code, told = run(tmp_path, "def test_one(): pass", everything=True)
    assert code == 0 and "Left out: nothing" in told


@pytest.mark.parametrize(
    ("source", "reason", "options"),
    [(SKIPPED, "the moon is down", ()), (SKIPPED, "the moon is down", TWO), (NEEDS_NODE, "needs Node", ()),
     (SKIPPED_FILE, "no such file", ())],
)  # fmt: skip
def test_what_is_left_out_is_listed_and_a_failure_where_everything_is_asked_for(
    tmp_path: Path, source: str, reason: str, options: tuple[str, ...]
) -> None:
    code, told = run(tmp_path, source, *options, path="/nowhere")
    assert f"Left out: 1 × {reason}" in told and "nothing" not in told.splitlines()[-3:]
    assert code in (0, 5)  # 5: no test at all
    code, told = run(tmp_path, source, *options, path="/nowhere", everything=True)
    assert code not in (0, 5) and reason in told and "HEARTH_TEST_ALL" in told


def test_a_test_that_is_expected_to_fail_is_not_left_out(tmp_path: Path) -> None:
    code, told = run(tmp_path, EXPECTED, everything=True)
    assert code == 0 and "Left out: nothing" in told


@pytest.mark.parametrize("options", [(), TWO])
def test_what_was_not_asked_for_is_said_and_no_failure(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, told = run(tmp_path, "def test_one(): pass\ndef test_two(): pass", "-k", "one", *options, everything=True)
    assert code == 0 and "Left out: 1 × not asked for" in told
