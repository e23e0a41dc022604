"""The limit: no library, no keys. Answers every encrypted message with bytes that only look encrypted."""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import quote

import aiohttp

CIPHERTEXT = "A" * 700
LEAN = json.dumps(
    {
        "room": {"ephemeral": {"not_types": ["*"]}, "account_data": {"not_types": ["*"]}},
        "presence": {"not_types": ["*"]},
        "account_data": {"not_types": ["*"]},
    }
)


async def main(url: str, token: str, user: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    base = f"{url}/_matrix/client/v3"
    content = {
        "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": CIPHERTEXT, "session_id": "S" * 43, "device_id": "BLIND",
        "sender_key": "K" * 43,
    }  # fmt: skip
    gate = asyncio.Semaphore(8)
    tasks = set()
    async with aiohttp.ClientSession(headers=headers) as http:

        async def ask(method: str, path: str, body: Any = None, **query: str) -> Any:
            async with http.request(method, f"{base}/{path}", json=body, params=query) as answer:
                return await answer.json()

        async def answer(room: str, event: str) -> None:
            async with gate:
                await ask("PUT", f"rooms/{quote(room)}/send/m.room.encrypted/{quote(event)}", content)

        since = (await ask("GET", "sync", timeout="0", filter=LEAN))["next_batch"]
        print("ready", flush=True)
        while True:
            news = await ask("GET", "sync", timeout="30000", since=since, filter=LEAN)
            since = news["next_batch"]
            for room in news.get("rooms", {}).get("invite", {}):
                await ask("POST", f"join/{quote(room)}", {})
            for room, told in news.get("rooms", {}).get("join", {}).items():
                for event in told["timeline"]["events"]:
                    if event["type"] == "m.room.encrypted" and event["sender"] != user:
                        task = asyncio.create_task(answer(room, event["event_id"]))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
