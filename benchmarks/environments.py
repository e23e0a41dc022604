"""An environment for each thing that is measured, made on demand from its lock file.

Beside the checkout's own and never inside it: maubot pins versions that clash with ours, and what tests need besides
would be loaded by the bridge too, which an installed one never sees.
"""

import os
import subprocess
import sys
from pathlib import Path

LOCKS = Path(__file__).parents[1] / "requirements"


def python(name: str) -> str:
    """The interpreter of requirements/`name`.lock, made when it is not there or its lock has changed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    home, lock = cache / "hearth" / name, LOCKS / f"{name}.lock"
    made = home / "ready"
    if not made.exists() or made.read_text() != lock.read_text():
        print(f"Making the environment of {lock.name} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
        subprocess.run([home / "bin" / "python", *install], check=True)
        made.write_text(lock.read_text())
    return str(home / "bin" / "python")
