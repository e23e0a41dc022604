"""Backstage and alone with the bot, on a real homeserver, with a strict client nobody here wrote in a facilitator's
hand: whatever the bot says there is read without a warning, and what it sends there works."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from bridge import service
from deploy.peer import Line, Peer
from facilitator import accounts, claims
from facilitator.database import Database
from facilitator.errors import TooLate
from facilitator.ids import MatrixRoomId, UserId
from tests.live.whole_bridge import PANEL, WholeBridge
from tests.live.world import World

pytestmark = [pytest.mark.live, pytest.mark.peer]


@dataclass
class Evening:
    bridge: WholeBridge
    world: World
    ada: Peer
    ada_id: UserId

    async def read(self, beginning: str, *, by: Peer | None = None) -> Line:
        """A message that begins so, read without a warning."""
        line = await (by or self.ada).heard(
            lambda line: line["event"] == "message" and str(line.get("body", "")).startswith(beginning), within=40
        )
        assert (line["encrypted"], line["shield"]) == (True, "none")
        return line


@pytest.fixture
async def evening(world: World, database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Evening]:
    monkeypatch.setattr(service, "TELLS_EVERY", timedelta(seconds=1))
    ada, ada_id = await world.peer("ada")
    bridge = WholeBridge(database, await world.client(), ada_id)
    yield Evening(bridge, world, ada, ada_id)
    await bridge.stop()


async def test_a_stranger_is_told_of_backstage_and_a_link_said_alone_signs_in_once(evening: Evening) -> None:
    bridge, recovery = evening.bridge, await evening.world.person("recovery")
    await bridge.start(recovery=recovery.user_id)
    _, _, room = await bridge.open_group()
    greeting = await evening.read("Hello, good that you are here.")
    backstage = MatrixRoomId(greeting["room"])
    assert backstage != room
    assert (await recovery.do("GET", "sync?timeout=0"))["rooms"]["invite"].keys() == {room, backstage}

    await recovery.join(room)
    eve = await evening.world.person("eve")
    await recovery.invite(room, eve.user_id)
    await eve.join(room)
    told = await evening.read("Something needs one of you.")
    assert told["room"] == backstage
    assert "whom nobody had invited" in told["body"] and eve.user_id not in told["body"]
    assert f"{PANEL}/groups/" in told["body"]
    assert eve.user_id not in (await recovery.do("GET", f"rooms/{room}/joined_members"))["joined"]

    await evening.ada.ask("send", room=backstage, body="!panel")
    await evening.read("I send that only where we are alone.")
    alone = await _joined_besides(evening.ada, {room, backstage})
    await evening.ada.ask("send", room=alone, body="Panel")
    link = await evening.read("Here is the link you asked for.")
    assert link["room"] == alone
    await _signs_in_once(evening, link["body"])


async def _joined_besides(peer: Peer, known: set[MatrixRoomId]) -> MatrixRoomId:
    line = await peer.heard(
        lambda line: line["event"] == "membership" and line["membership"] == "join" and line["room"] not in known
    )
    return MatrixRoomId(line["room"])


async def _signs_in_once(evening: Evening, body: str) -> None:
    found = re.search(rf"^{re.escape(PANEL)}/sign-in/([\w-]+)$", body, re.MULTILINE)
    assert found is not None
    now = evening.bridge.clock.now()
    async with evening.bridge.database.transaction() as db:
        cookie = await accounts.redeem_link(db, found[1], browser="Firefox", now=now)
        signed_in = await accounts.signed_in(db, cookie, now=now)
        assert signed_in is not None and signed_in.account_id == evening.bridge.ada
        with pytest.raises(TooLate):
            await accounts.redeem_link(db, found[1], browser="Firefox", now=now)


async def test_a_matrix_id_is_linked_by_a_code_said_from_both_ends(evening: Evening) -> None:
    bridge = await evening.bridge.start()
    anew, anew_id = await evening.world.peer("ada-anew")
    async with bridge.database.transaction() as db:
        code = await claims.claim(db, by=bridge.ada, matrix_id=anew_id, now=bridge.clock.now())
    asked = await evening.read("Hello. I have a question for you.", by=anew)
    await anew.ask("send", room=asked["room"], body=f"It is {code.upper()}")
    await evening.read("Thank you, that was the code.", by=anew)
    old = await evening.read("Somebody wants to link another Matrix ID.")
    await evening.ada.ask("send", room=old["room"], body=code.replace("-", " "))
    done = await evening.read("Thank you, that was the code.")
    assert "linked to your account now" in done["body"]
    async with bridge.database.reading() as db:
        assert await accounts.find(db, anew_id) == bridge.ada
