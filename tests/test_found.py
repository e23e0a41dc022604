"""What hypothesis has found stays, also once it is mended; what it came by on the way does not."""

from contextlib import suppress
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.found import FOLDER, Found


def run(folder: Path, limit: int, *phases: Phase) -> list[int]:
    """Try numbers against a limit; returns those that were tried."""
    tried: list[int] = []

    @settings(database=Found(folder), max_examples=50, phases=phases)
    @given(number=st.integers(0, 10_000))
    def holds(number: int) -> None:
        tried.append(number)
        assert number < limit

    with suppress(AssertionError):
        holds()
    return tried


def test_what_was_found_is_tried_first_and_for_ever(tmp_path: Path) -> None:
    assert len(run(tmp_path, 1_000, Phase.generate, Phase.shrink)) > 1
    for _ in range(2):
        assert run(tmp_path, 10_001, Phase.reuse, Phase.generate)[:2] == [1_000, 0], "it alone, though it is mended"


def test_they_are_kept_in_the_repository() -> None:
    assert settings.default is not None and settings.default.database == Found(FOLDER)
    assert (FOLDER / "README.md").exists()
