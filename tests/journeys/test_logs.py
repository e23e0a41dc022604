"""A canary: what a running bridge writes down, as it is rendered, names nobody and repeats nothing."""

import io
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import structlog

from bridge import commands
from bridge.heard import Sync
from bridge.matrix.homeserver import Rejected
from deploy import logs
from tests.cast import BEN, BOT, CLEO, EVE
from tests.fake_client import FakeClient
from tests.journeys.running import Running

WORD, TITLE, TOKEN = "canarysong", "Canary perch", "canarytoken"
Listen = Callable[..., Awaitable[Sync]]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """In the place of the journeys' own: everything as in production, but into memory."""
    before, out = structlog.get_config(), io.StringIO()
    handlers, level = logging.root.handlers[:], logging.root.level
    logs.configure()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(out), cache_logger_on_first_use=False)
    yield out
    structlog.configure(**before)
    logging.root.handlers, logging.root.level = handlers, level


def sent_back(*_: object, **__: object) -> None:
    raise KeyError(f"{WORD} {BEN} {TOKEN}")


async def shown(listen: Listen, client: FakeClient, key: str, *given: Any, **more: Any) -> Sync:
    """As Ben's homeserver has it: his identity is this one."""
    return replace(await listen(client, *given, **more), identities={BEN: key})


async def test_nothing_a_bridge_writes_down_names_anybody_or_repeats_a_word(
    house: Running, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    group = await house.open_group(TITLE)
    ben, cleo, eve = await house.member(group, BEN), await house.member(group, CLEO), house.person(EVE)
    room = await house.matrix_room(group)
    house.server.weather.strike(Rejected("M_FORBIDDEN", f"{WORD} {BEN} {TOKEN}"), on="send", times=1)
    await ben.say(room, "!sessions")  # an act that is refused
    await house.settle()
    unread = await cleo.say(room, WORD, key_later=True)
    nonsense = await cleo.send_nonsense(room)
    await house.settle()
    for n in range(2):  # an identity that changes
        monkeypatch.setattr(house.client, "listen", partial(shown, FakeClient.listen, house.client, f"{TOKEN}{n}" * 4))
        await ben.say(room, WORD)
        await house.passes[0]()
        monkeypatch.undo()
    strange = await eve.make_room(BOT, direct=True)
    monkeypatch.setattr(house.client, "decline", sent_back)
    house.server.add(house.server.room(room), BOT, "m.room.member", {"membership": "join"}, state_key=EVE)
    await house.settle()
    monkeypatch.setattr(commands, "answer", sent_back)
    poison = await ben.say(room, f"!help {WORD}")
    await house.settle()

    written = log.getvalue()
    for told in ("act refused", "event failed", "event set aside", "invitation", "identity changed"):
        assert told in written, (told, written)
    singing = (WORD, TOKEN, TITLE, "Maple", BEN, CLEO, EVE, BOT, ":test", "@", room, strange, unread, nonsense, poison)
    for secret in singing:
        assert secret not in written, (secret, written)
