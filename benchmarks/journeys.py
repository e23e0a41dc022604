"""What people wait for: a room after starting a group, a reminder after it fell due. The limit of each is the same
work asked of the homeserver directly, with no panel, no bridge and no encryption."""

import json
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from benchmarks.figures import Row
from benchmarks.stage import Stage
from bridge.matrix import changing
from bridge.matrix.homeserver import CreateRoom
from deploy import matrix_accounts
from facilitator.ids import RoomId, UserId
from facilitator.rules.wanted_room import ENCRYPTION, ROOM_VERSION, power_levels

ROOMS = 10
REMINDERS = 5
ZONE = "Europe/Lisbon"


async def rooms(stage: Stage) -> list[Row]:
    """From the facilitator's click to the invitation on the member's phone."""
    ours = [await _group_to_invitation(stage, n) for n in range(ROOMS)]
    raw = await _another_account(stage)
    limit = [await _raw_to_invitation(stage, raw) for _ in range(ROOMS)]
    return [Row("group started and member invited → invitation seen", ours, limit, "createRoom + invite, no bridge")]


async def reminders(stage: Stage) -> list[Row]:
    """From a session scheduled whose reminder is due at once to the event on the member's phone."""
    groups = [await _joined_group(stage, n) for n in range(REMINDERS)]
    ours = [await _schedule_to_reminder(stage, page, room) for page, room in groups]
    limit = [await _raw_to_message(stage, room) for _, room in groups]
    return [Row("session scheduled, reminder due → reminder seen", ours, limit, "one unencrypted send")]


async def _group_to_invitation(stage: Stage, number: int) -> float:
    began = time.perf_counter()
    page = await _start_group(stage, number)
    await stage.submit(page, {"matrix_id": stage.member.user_id}, to=page + "/members")
    await _invitation(stage)
    return time.perf_counter() - began


async def _start_group(stage: Stage, number: int) -> str:
    fields = {"name": f"Bench room {number}", "purpose": "Measuring", "language": "en", "time_zone": "Lisbon"}
    return await stage.submit("/groups/new", fields)


async def _invitation(stage: Stage) -> str:
    while True:
        invited = (await stage.sync()).get("rooms", {}).get("invite", {})
        if invited:
            return str(next(iter(invited)))


async def _joined_group(stage: Stage, number: int) -> tuple[str, str]:
    page = await _start_group(stage, 100 + number)
    await stage.submit(page, {"matrix_id": stage.member.user_id}, to=page + "/members")
    room = await _invitation(stage)
    await stage.matrix("POST", f"rooms/{room}/join", {})
    await _message(stage, room)  # the welcome
    return page, room


async def _schedule_to_reminder(stage: Stage, page: str, room: str) -> float:
    start = datetime.now(ZoneInfo(ZONE)) + timedelta(hours=2)
    fields = {
        "weekday": str(start.weekday()), "at": start.strftime("%H:%M"), "time_zone": "Lisbon", "minutes": "60",
        "first_day": "", "step": "schedule",
    }  # fmt: skip
    began = time.perf_counter()
    await stage.submit(page + "/sessions/new", fields)
    await _message(stage, room)
    return time.perf_counter() - began


async def _message(stage: Stage, room: str) -> None:
    while True:
        joined = (await stage.sync()).get("rooms", {}).get("join", {})
        events = joined.get(room, {}).get("timeline", {}).get("events", [])
        if any(event["type"] in ("m.room.encrypted", "m.room.message") for event in events):
            return


async def _another_account(stage: Stage) -> matrix_accounts.SignedIn:
    person = stage.facts["members"][1]
    name = person["user_id"].removeprefix("@").partition(":")[0]
    return await matrix_accounts.sign_in(stage.facts["homeserver_url"], name=name, password=person["password"])


async def _raw_to_invitation(stage: Stage, raw: matrix_accounts.SignedIn) -> float:
    step = CreateRoom(
        RoomId("bench"), "Bench", ROOM_VERSION, ENCRYPTION, "invite", "joined", "forbidden",
        power_levels(frozenset[UserId]()),
    )  # fmt: skip
    began = time.perf_counter()
    made = await stage.matrix("POST", "createRoom", changing.body(step), token=raw.access_token)
    await stage.matrix(
        "POST", f"rooms/{made['room_id']}/invite", {"user_id": stage.member.user_id}, token=raw.access_token
    )
    await _invitation(stage)
    return time.perf_counter() - began


async def _raw_to_message(stage: Stage, room: str) -> float:
    content = {"msgtype": "m.text", "body": json.dumps("x" * 300)}
    began = time.perf_counter()
    await stage.matrix("PUT", f"rooms/{room}/send/m.room.message/{time.monotonic_ns()}", content)
    await _message(stage, room)
    return time.perf_counter() - began
