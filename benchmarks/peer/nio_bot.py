"""A bot as matrix-nio's own documentation has it: its client, its store, its sync_forever. Answers `!commands`."""

import asyncio
import sys

from nio import AsyncClient, AsyncClientConfig, InviteMemberEvent, RoomMessageText
from nio.store import SqliteStore

ANSWER = "word " * 60


async def main(url: str, token: str, user: str, device: str, folder: str) -> None:
    config = AsyncClientConfig(store=SqliteStore, encryption_enabled=True, store_sync_tokens=True, pickle_key="bench")
    client = AsyncClient(url, user, device_id=device, store_path=folder, config=config)
    client.restore_login(user, device, token)

    async def invited(room, event) -> None:
        if event.state_key == user:
            await client.join(room.room_id)

    async def said(room, event) -> None:
        if event.sender != user and event.body == "!commands":
            await client.room_send(
                room.room_id, "m.room.message", {"msgtype": "m.notice", "body": ANSWER}, ignore_unverified_devices=True
            )

    await client.sync(timeout=0, full_state=True)
    client.add_event_callback(invited, InviteMemberEvent)
    client.add_event_callback(said, RoomMessageText)
    print("ready", flush=True)
    await client.sync_forever(timeout=30000)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
