"""What the doctor makes of a homeserver's answers: each trouble named, with its mend, and nothing believed blindly."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response, StreamResponse, json_response

from deploy import commands, doctor
from deploy.doctor.finding import Finding, Level
from facilitator import bots, members, outbox, rooms, sightings
from facilitator.clock import Clock
from facilitator.database import Database, KeyRing, connect
from facilitator.database.keys import write_privately
from facilitator.ids import ActId, EventId, UserId
from facilitator.outbox import Priority
from tests import cast

HANDBOOK = Path(__file__).parents[3] / "docs" / "hosting.md"
SETTINGS = """
[house]
organisation = "Lantern"
emergency_number = "112"
data_dir = "."

[bridge]
homeserver = "{url}"
user_id = "{user_id}"
"""
BOT = UserId("@hearth:lantern.example")
ON_PREVIEW = "/_matrix/client/v1/media/preview_url"


@dataclass
class Answers:
    """A homeserver that says what a test has it say: path's end → body, or (status, body)."""

    said: dict[str, Any] = field(default_factory=dict)
    heard: list[tuple[str, str]] = field(default_factory=list)

    async def answer(self, request: Request) -> StreamResponse:
        self.heard.append((request.method, request.path))
        for end, said in self.said.items():
            if request.path.endswith(end):
                status, body = said if isinstance(said, tuple) else (200, said)
                return (
                    Response(text=body, status=status) if isinstance(body, str) else json_response(body, status=status)
                )
        return json_response({"errcode": "M_UNRECOGNIZED"}, status=404)


USUAL: Mapping[str, Any] = {
    "/versions": {"versions": ["r0.6.1", "v1.1", "v1.15"]},
    "/whoami": {"user_id": BOT, "device_id": "HEARTH"},
    "/capabilities": {"capabilities": {"m.room_versions": {"available": {"11": "stable", "12": "stable"}}}},
    "/keys/query": {"device_keys": {}, "failures": {}},
    "/keys/upload": {"one_time_key_counts": {"signed_curve25519": 50}},
    "/sync": {"device_unused_fallback_key_types": ["signed_curve25519"]},
    "/status": {"presence": "offline"},
    "/search": {"results": []},
    "/joined_rooms": {"joined_rooms": []},
}


@dataclass
class House:
    folder: Path
    database: Database
    server: Answers
    bot: bots.Bot

    async def look(self) -> dict[str, Finding]:
        return {finding.check: finding for finding in await doctor.look(self.folder / "hearth.toml", Clock())}

    async def says(self, check: str, *, level: Level, **answers: Any) -> str:
        """What is said of one check when the homeserver answers so (a path's last part, _ for /)."""
        self.server.said |= {"/" + end.replace("__", "/"): body for end, body in answers.items()}
        found = (await self.look())[check]
        assert found.level is level, found
        return found.says


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    answers, app, folder = Answers(dict(USUAL)), Application(), tmp_path / "house"
    app.router.add_route("*", "/{path:.*}", answers.answer)
    server = TestServer(app)
    await server.start_server()
    folder.mkdir(mode=0o700)
    url = str(server.make_url("")).rstrip("/")
    write_privately(folder / "hearth.toml", SETTINGS.format(url=url, user_id=BOT), over=False)
    await commands.migrate(folder / "hearth.toml")
    people, bridge = KeyRing.load(folder / "people.key"), KeyRing.load(folder / "bridge.key")
    database = connect(f"sqlite:///{folder / 'hearth.db'}", people=people, bridge=bridge)
    yield House(folder, database, answers, await signed_in(database, url))
    await database.close()
    await server.close()


async def signed_in(database: Database, url: str) -> bots.Bot:
    async with database.transaction() as db:
        bot = await bots.enrol(db, user_id=BOT, homeserver=url, now=Clock().now())
        await bots.signed_in(db, bot.id, device_id="HEARTH", access_token="secret-token")
        return bot


async def test_a_homeserver_that_is_no_homeserver_is_told(house: House) -> None:
    assert "does not speak Matrix" in await house.says("homeserver", level=Level.WRONG, versions="<html>")


async def test_versions_are_compared_as_numbers(house: House) -> None:
    await house.says("versions", level=Level.WRONG, versions={"versions": ["r0.6.1", "v1.9", 7, None, "vX"]})
    await house.says("versions", level=Level.FINE, versions={"versions": ["v1.11"]})


@pytest.mark.parametrize(
    ("answer", "level", "part"),
    [
        ({"user_id": BOT, "device_id": "HEARTH"}, Level.FINE, "should be"),
        ({"user_id": BOT, "device_id": "OTHER"}, Level.WRONG, "another account or device"),
        ((401, {"errcode": "M_UNKNOWN_TOKEN"}), Level.WRONG, "signed the bot out"),
        ((403, {"errcode": "M_USER_DEACTIVATED"}), Level.WRONG, "deactivated"),
        ((502, "<html>"), Level.UNSEEN, "HTTP 502"),
    ],
)
async def test_the_account_is_asked_for(house: House, answer: Any, level: Level, part: str) -> None:
    assert part in await house.says("account", level=level, whoami=answer)


async def test_an_older_server_can_still_be_used(house: House) -> None:
    older = {"capabilities": {"m.room_versions": {"available": {"11": "stable", "12": "unstable"}}}}
    assert "cannot make" in await house.says("room_version", level=Level.NOTE, capabilities=older)
    await house.says("room_version", level=Level.UNSEEN, capabilities={"capabilities": {}})


async def test_who_is_online_must_not_be_shown(house: House) -> None:
    await house.says("presence", level=Level.FINE, status={"presence": "offline"})
    assert "at night" in await house.says("presence", level=Level.NOTE, status={"presence": "unavailable"})
    await house.says("presence", level=Level.FINE, status=(403, {"errcode": "M_FORBIDDEN"}))


async def test_strangers_must_not_be_found_by_name(house: House) -> None:
    ben, zoe = {"user_id": "@ben:lantern.example"}, {"user_id": "@zoe:lantern.example"}
    house.server.said |= {
        "/joined_rooms": {"joined_rooms": ["!r:x"]},
        "/joined_members": {"joined": {ben["user_id"]: {}}},
    }
    await house.says("user_directory", level=Level.FINE, search={"results": [ben]})
    await house.says("user_directory", level=Level.NOTE, search={"results": [ben, zoe]})
    await house.says("user_directory", level=Level.FINE, search={"results": "nonsense"})


async def test_previews_of_links_are_advised_against(house: House) -> None:
    await house.says("url_previews", level=Level.FINE)
    house.server.said[ON_PREVIEW] = (502, {"errcode": "M_UNKNOWN"})
    await house.says("url_previews", level=Level.NOTE)


async def test_a_server_of_members_that_does_not_answer_is_named_without_its_people(house: House) -> None:
    ada = await cast.enter(house.database, now=Clock().now())
    group = await cast.open_group(house.database, ada.ada, now=Clock().now())
    for person in ("@ben:far.example", "@eve:lantern.example"):
        async with house.database.transaction() as db:
            await members.invite(db, by=ada.ada, group_id=group, matrix_id=person, now=Clock().now())
    query = {"device_keys": {}, "failures": {"far.example": {"status": 503}}}
    told = await house.says("federation", level=Level.WRONG, keys__query=query)
    assert "far.example" in told and "@" not in told and "1 of 1" in told
    assert "1" in await house.says("federation", level=Level.FINE, keys__query={"device_keys": {}, "failures": {}})


async def test_a_limited_bot_is_told_how_slow(house: House) -> None:
    await house.says("rate_limits", level=Level.FINE)


async def test_undone_work_is_counted(house: House) -> None:
    now = Clock().now()
    everyone = await cast.enter(house.database, now=now)
    group = await cast.open_group(house.database, everyone.ada, now=now)
    async with house.database.transaction() as db:
        await rooms.take_charge(db, house.bot.id)
        room = await rooms.group_room_id(db, group)
        for name, due in (("old", now - timedelta(hours=1)), ("new", now)):
            await outbox.put(
                db, ActId(name), room, utterance="welcome", parameters={}, priority=Priority.WELCOME, now=due
            )
        for _ in range(3):
            await sightings.failed_once_more(db, EventId("$x"), now=now)
        await sightings.lost(db, room, now=now)
    found = await house.look()
    assert found["acts"].level is Level.WRONG and "2 messages wait" in found["acts"].says and "60" in found["acts"].says
    assert found["rooms"].level is Level.WRONG and "room_lost" in found["rooms"].says
    assert found["set_aside"].level is Level.NOTE


async def test_lost_keys_and_a_missing_database_leave_the_rest_to_be_looked_at(house: House) -> None:
    (house.folder / "bridge.key").unlink()
    found = await house.look()
    assert found["keys"].level is Level.WRONG and found["database"].level is Level.UNSEEN
    assert found["homeserver"].level is Level.FINE


async def test_an_older_schema_is_told(house: House) -> None:
    async with house.database.transaction() as db:
        await db.run_sync(
            lambda session: session.connection().exec_driver_sql("UPDATE alembic_version SET version_num='0001'")
        )
    found = await house.look()
    assert found["database"].level is Level.WRONG and "hearth migrate" in found["database"].says


async def test_a_key_of_another_database_and_a_damaged_one_leave_the_rest_to_be_looked_at(house: House) -> None:
    (house.folder / "bridge.key").unlink()
    KeyRing.create(house.folder / "bridge.key")
    found = await house.look()
    assert found["database"].level is Level.WRONG and "--identity" in found["database"].says
    assert found["account"].level is Level.UNSEEN and found["homeserver"].level is Level.FINE
    (house.folder / "hearth.db").write_bytes(b"no database" * 1000)
    found = await house.look()
    assert found["database"].level is Level.WRONG and "damaged" in found["database"].says
    assert found["homeserver"].level is Level.FINE


async def test_a_damaged_key_store_is_named_with_its_mend(house: House) -> None:
    (house.folder / "keystore.db").write_bytes(b"no database" * 1000)
    found = (await house.look())["key_store"]
    assert found.level is Level.WRONG and "damaged" in found.says and "hearth renew" in (found.mend or "")


@pytest.mark.parametrize("odd", [[], "text", 7, None])
async def test_answers_of_an_odd_shape_end_nothing(house: House, odd: Any) -> None:
    for end in ("capabilities", "failures"):
        house.server.said |= {f"/{end}": {end: odd}, "/keys/query": {end: odd}, "/search": {"results": odd}}
        found = await house.look()
        assert found["room_version"].level is Level.UNSEEN and "federation" in found


async def test_settings_that_cannot_be_read_are_a_finding_too(house: House) -> None:
    write_privately(house.folder / "hearth.toml", "[house]\norganisation = 7", over=True)
    (only,) = await doctor.look(house.folder / "hearth.toml", Clock())
    assert only.check == "settings" and only.level is Level.WRONG and "organisation" in only.says


async def test_nothing_found_tells_a_secret_or_a_person(house: House) -> None:
    house.server.said |= {"/whoami": (401, {"errcode": "M_UNKNOWN_TOKEN", "error": "secret-token @ben:x"})}
    findings = await doctor.look(house.folder / "hearth.toml", Clock())
    for told in (doctor.as_text(findings), doctor.as_json(findings)):
        assert "secret-token" not in told and "@ben" not in told and BOT not in told


async def test_every_check_stands_in_the_handbook(house: House) -> None:
    handbook = HANDBOOK.read_text()
    assert [check for check in await house.look() if f"| `{check}` |" not in handbook] == []


def test_one_failure_is_enough_and_advice_is_none() -> None:
    advice, failure = Finding("a", Level.NOTE, "x", "y"), Finding("b", Level.WRONG, "x", "y")
    assert doctor.is_well([advice]) and not doctor.is_well([advice, failure])
    assert doctor.as_text([advice]).endswith("All is well.")
    assert doctor.as_text([failure]).endswith("One thing is to be mended.")
