"""Steps that last are shown while they last; quick ones are not, and a terminal keeps to one line."""

import asyncio
import io
from datetime import timedelta

from deploy.terminal import Progress
from tests.clock import TurnedClock

SECOND = timedelta(seconds=1)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def pass_seconds(clock: TurnedClock, seconds: int) -> None:
    for _ in range(seconds):
        await asyncio.sleep(0)
        clock.turn(SECOND)
        await asyncio.sleep(0)


async def test_a_step_over_a_second_is_named() -> None:
    clock, out = TurnedClock(), io.StringIO()
    progress = Progress(clock, out)
    async with progress.shown():
        with progress.step("starting the homeserver"):
            await pass_seconds(clock, 2)
    assert out.getvalue().startswith("Still starting the homeserver (1 s) …\n")


async def test_a_quick_step_is_not_named() -> None:
    clock, out = TurnedClock(), io.StringIO()
    progress = Progress(clock, out)
    async with progress.shown():
        with progress.step("preparing the database"):
            pass
        await pass_seconds(clock, 3)
    assert out.getvalue() == ""


async def test_without_a_terminal_a_long_step_is_named_now_and_then() -> None:
    clock, out = TurnedClock(), io.StringIO()
    progress = Progress(clock, out)
    async with progress.shown():
        with progress.step("starting the homeserver"):
            await pass_seconds(clock, 25)
    assert len(out.getvalue().splitlines()) == 3


async def test_a_terminal_shows_all_steps_on_one_line_and_clears_it() -> None:
    clock, out = TurnedClock(), Terminal()
    progress = Progress(clock, out)
    async with progress.shown():
        with progress.step("starting the homeserver"), progress.step("starting the panel"):
            await pass_seconds(clock, 2)
    assert "starting the homeserver (1 s), starting the panel (1 s) …" in out.getvalue()
    assert "\n" not in out.getvalue()
    assert out.getvalue().endswith("\r\x1b[K")
