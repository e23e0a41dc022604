"""Who is in a room stands nowhere in clear in our own tables of the key store, and is still known after a restart."""

import sqlite3
from pathlib import Path

from bridge.matrix.sealing import Seal
from tests.bridge.matrix.test_sharing import ROOM, a_house

CANARY, OTHER = "@canary-of-the-mine:here", "@another-canary:here"
OURS = ("joinedmembers", "knownusers", "oursessions")


def cells(file: Path) -> bytes:
    """All that stands in our own tables. nio's name the devices it knows."""
    store = sqlite3.connect(file)
    try:
        rows = [row for table in OURS for row in store.execute(f"SELECT * FROM {table}")]
    finally:
        store.close()
    assert len(rows) >= len(OURS), "there is something in them"
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row)


async def test_no_person_stands_in_clear_in_what_we_keep_of_rooms(tmp_path: Path) -> None:
    async with a_house(tmp_path, [(ROOM, [CANARY, OTHER])]) as house:
        await house.say()
        house.server.tell_membership(ROOM, OTHER, "leave")
        await house.hear()
        await house.say()
        kept = cells(tmp_path / "keys.db")
        assert b"canary" not in kept and b"PHONE" not in kept
        await house.start()
        assert house.readers(await house.say()) == {CANARY}
        assert house.asked() == {"send": 1}, "all was remembered"


def test_a_value_opens_in_its_place_alone_and_with_its_key_alone() -> None:
    seal = Seal("a" * 64)
    sealed = seal.close([CANARY], "table", "column", "!room")
    assert seal.open(sealed, "table", "column", "!room") == [CANARY]
    assert seal.open(sealed, "table", "column", "!elsewhere") is None
    assert Seal("b" * 64).open(sealed, "table", "column", "!room") is None
    assert seal.open('["in clear"]', "table", "column", "!room") is None
    assert seal.close([CANARY], "table", "column", "!room") == sealed, "it can be looked for"
