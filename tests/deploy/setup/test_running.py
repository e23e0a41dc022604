"""`hearth setup` before anything is made: what was typed is looked at first, and a silent homeserver is told of."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.setup import running
from deploy.setup.answers import Secrets
from deploy.setup.running import NOT_YET, SOON, Given
from deploy.setup.steps import Told
from facilitator.errors import Misconfigured, Refused
from tests.clock import TurnedClock


@pytest.fixture
async def silent() -> AsyncIterator[tuple[str, list[None]]]:
    """The address of a homeserver that takes every question and answers none, and how often it was asked."""
    asked: list[None] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(None)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    server.close()


def given(folder: Path, homeserver: str, user_id: str, **more: object) -> Given:
    return Given(
        settings=folder / "hearth.toml", homeserver=homeserver, user_id=user_id, organisation="Here",
        emergency_number="112", accept_server_name=True, **more,  # type: ignore[arg-type]
    )  # fmt: skip


async def test_a_matrix_id_that_is_none_and_a_file_that_is_not_there_are_told_before_anybody_is_asked(
    tmp_path: Path, silent: tuple[str, list[None]]
) -> None:
    address, asked = silent
    nowhere = Secrets(password_file=tmp_path / "none")
    for typed in (given(tmp_path, address, "hearth"), given(tmp_path, address, "@hearth:here.test", secrets=nowhere)):
        with pytest.raises((Misconfigured, Refused)):
            await running._setup(typed, Told(lambda _: None))
    assert (asked, list(tmp_path.iterdir())) == ([], [])


async def test_a_silent_homeserver_is_told_of_within_three_seconds(
    tmp_path: Path, silent: tuple[str, list[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    clock = TurnedClock()
    monkeypatch.setattr(running, "Clock", lambda: clock)
    typed = given(tmp_path, silent[0], "@hearth:here.test")
    setting_up = asyncio.ensure_future(running._setup(typed, Told(said.append)))
    await clock.somebody_sleeps()
    assert said == []
    clock.turn(SOON)
    while not said:
        await asyncio.sleep(0)
    assert said == [NOT_YET]
    assert SOON.total_seconds() < 3
    setting_up.cancel()
    await asyncio.wait([setting_up])
    assert list(tmp_path.iterdir()) == []


async def test_one_that_answers_is_not_said_to_be_silent() -> None:
    said: list[str] = []
    clock = TurnedClock()
    async with running.saying_that_it_waits(Told(said.append), clock):
        await clock.somebody_sleeps()
    clock.turn(SOON)
    await asyncio.sleep(0)
    assert said == []
