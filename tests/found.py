"""Where hypothesis keeps what it found, and for how long: in the repository, for good.

By itself it forgets an example once that passes again, and keeps it in a folder nobody else sees; here every later run,
anybody's, begins with whatever was ever found.
"""

from pathlib import Path

from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

FOLDER = Path(__file__).parent / "found_by_fuzz"


class Found(DirectoryBasedExampleDatabase):
    """Loses nothing but what a smaller example took the place of."""

    def move(self, src: bytes, dest: bytes, value: bytes) -> None:
        super().delete(src, value)

    def delete(self, key: bytes, value: bytes) -> None:
        """It passes by now, and is tried again all the same."""


def keep_what_is_found(folder: Path = FOLDER) -> None:
    """From now on, for every test of this process."""
    settings.register_profile("hearth", database=Found(folder), print_blob=True)
    settings.load_profile("hearth")
