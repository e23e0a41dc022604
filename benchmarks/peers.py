"""The peers beside which the bridge is measured: started, awaited, ended.

Each is what its own documentation has: nothing of ours is in the same process.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.environments import python
from deploy import matrix_accounts

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(__file__).parent / "peer"
READY_SECONDS = 60.0


@asynccontextmanager
async def running(command: Sequence[str], *, folder: Path, says: str) -> AsyncIterator[int]:
    """A program, once a line of what it says holds `says`. Yields its process id; ends its process group."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        start_new_session=True, limit=2**20, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    log = (folder / f"{process.pid}.log").open("wb")
    reading = asyncio.create_task(_until(process, says, log))
    drain: asyncio.Task[Any] | None = None
    try:
        async with asyncio.timeout(READY_SECONDS):
            await reading
        drain = asyncio.create_task(_drain(process, log))
        yield process.pid
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if drain is not None:
            await drain
        log.close()


async def _until(process: asyncio.subprocess.Process, says: str, log: Any) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        log.write(line)
        log.flush()
        if says in line.decode(errors="replace"):
            return
    raise RuntimeError(f"a peer ended before it was ready: see {log.name}")


async def _drain(process: asyncio.subprocess.Process, log: Any) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        log.write(line)


def blind(url: str, who: matrix_accounts.SignedIn) -> list[str]:
    return [sys.executable, str(PROGRAMS / "blind.py"), url, who.access_token, who.user_id]


def nio(url: str, who: matrix_accounts.SignedIn, folder: Path) -> list[str]:
    return [
        python("peers"),
        str(PROGRAMS / "nio_bot.py"),
        url,
        who.access_token,
        who.user_id,
        who.device_id,
        str(folder),
    ]


def maubot(url: str, who: matrix_accounts.SignedIn, folder: Path) -> list[str]:
    """maubot's standalone mode with a plugin of one command, its log as quiet as it is in production."""
    config: dict[str, Any] = {
        "user": {
            "credentials": {
                "id": who.user_id, "homeserver": url, "access_token": who.access_token, "device_id": who.device_id,
            },
            "sync": True, "appservice": False, "hs_token": None, "autojoin": True, "displayname": "disable",
            "avatar_url": "disable", "ignore_initial_sync": True, "ignore_first_sync": True,
        },
        "server": {"hostname": "127.0.0.1", "port": 0, "base_path": "/", "public_url": "http://localhost"},
        "database": f"sqlite:{folder}/maubot.db",
        "database_opts": {"min_size": 1, "max_size": 10},
        "crypto_db_pickle_key": "bench",
        "plugin_config": {},
        "logging": {
            "version": 1,
            "formatters": {"plain": {"format": "%(name)s: %(message)s"}},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
            "loggers": {"maubot.client": {"level": "DEBUG"}, "maubot.init": {"level": "DEBUG"}},
            "root": {"level": "INFO", "handlers": ["console"]},
        },
    }  # fmt: skip
    (folder / "config.yaml").write_text(json.dumps(config))  # every JSON is YAML
    meta = str(PROGRAMS / "maubot_plugin" / "maubot.yaml")
    return [python("peers"), "-m", "maubot.standalone", "-c", str(folder / "config.yaml"), "-m", meta]
