"""The demo as a newcomer meets it: one command, a link, a group, a room on a real homeserver, and Ctrl-C."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from deploy import ports
from tests.live.started_demo import Panel, StartedDemo, programs_of, running, sockets_of

pytestmark = pytest.mark.live
ROOM = "Harbour room"
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
NOBODY = {"00000000", "0" * 32}  # the other end of a socket that listens


@pytest.fixture(scope="module")
def demo_of_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo that ran once and was stopped."""
    data = tmp_path_factory.mktemp("before") / "demo"

    async def run_once() -> None:
        async with running(data, *free_ports()):
            pass

    asyncio.run(run_once())
    return data


@pytest.fixture
def data(demo_of_before: Path, tmp_path: Path) -> Path:
    """A folder of this test's own, in which a demo has run before."""
    return shutil.copytree(demo_of_before, tmp_path / "demo")


def free_ports() -> Sequence[str]:
    return ("--panel-port", str(ports.any_free()), "--homeserver-port", str(ports.any_free()))


class Member:
    """A sample member by plain HTTP, signed in as the ready file says."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url + "/_matrix/client/v3"

    @classmethod
    @contextlib.asynccontextmanager
    async def signed_in(cls, ready: dict[str, Any], number: int) -> AsyncIterator["Member"]:
        person = ready["members"][number]
        identifier = {"type": "m.id.user", "user": person["user_id"]}
        async with aiohttp.ClientSession() as http:
            member = cls(http, ready["homeserver_url"])
            signed = await member.post(
                "/login", type="m.login.password", identifier=identifier, password=person["password"]
            )
            http.headers["Authorization"] = f"Bearer {signed['access_token']}"
            yield member

    async def get(self, path: str) -> dict[str, Any]:
        async with self._http.get(self._url + path) as answer:
            return await self._found(answer)

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        async with self._http.post(self._url + path, json=body) as answer:
            return await self._found(answer)

    async def invited_to(self) -> str:
        """The first room they are invited to, waiting for it."""
        since = ""
        async with asyncio.timeout(30):
            while True:
                sync = await self.get(f"/sync?timeout=5000{since}")
                if rooms := sync.get("rooms", {}).get("invite"):
                    return str(next(iter(rooms)))
                since = f"&since={sync['next_batch']}"

    async def state(self, room: str, kind: str) -> dict[str, Any]:
        return await self.get(f"/rooms/{quote(room)}/state/{kind}/")

    async def _found(self, answer: aiohttp.ClientResponse) -> dict[str, Any]:
        found: dict[str, Any] = await answer.json()
        assert answer.status == 200, found.get("errcode")
        return found


async def start_a_group(panel: Panel) -> str:
    """Returns its page's path."""
    await panel.get("/groups/new")
    group = await panel.post("/groups/new", name=ROOM, purpose="To try it.", language="en", time_zone="Berlin")
    return await panel.post(f"{group}/ready", waiver="To try it alone.")


async def test_from_the_first_start_to_an_encrypted_room_with_somebody_in_it(tmp_path: Path) -> None:
    async with running(tmp_path / "demo", *free_ports()) as demo:
        assert len([line for line in demo.said if not line.startswith("Still ")]) <= 15
        async with Panel.signed_in(demo.ready) as panel, Member.signed_in(demo.ready, 0) as ben:
            page = await start_a_group(panel)
            await panel.post(f"{page}/members", matrix_id=demo.ready["members"][0]["user_id"])
            room = await ben.invited_to()
            await ben.post(f"/rooms/{quote(room)}/join")
            assert (await ben.state(room, "m.room.create"))["room_version"] == "12"
            assert (await ben.state(room, "m.room.encryption"))["algorithm"] == "m.megolm.v1.aes-sha2"
            assert (await ben.state(room, "m.room.name"))["name"] == ROOM


async def test_ctrl_c_leaves_nothing_running_and_a_new_start_finds_everything_as_it_was(data: Path) -> None:
    async with running(data) as demo:
        first, device = demo.ready, bot_device(data)
        async with Panel.signed_in(first) as panel:
            await start_a_group(panel)
        assert len(programs_of(data)) == 4
        assert await demo.stop() == 0
    assert programs_of(data) == {}
    assert not StartedDemo.ready_file(data).exists()
    assert all(ports.is_free(int(first[url].rpartition(":")[2])) for url in ("panel_url", "homeserver_url"))

    async with running(data) as demo:
        assert {**demo.ready, "sign_in_link": first["sign_in_link"]} == first
        assert demo.ready["sign_in_link"] != first["sign_in_link"]
        assert bot_device(data) == device
        async with Panel.signed_in(demo.ready) as panel:
            assert ROOM in await panel.get("/groups")


@pytest.mark.parametrize(
    ("how", "when"),
    [
        (signal.SIGINT, "homeserver/homeserver.log"),
        (signal.SIGINT, "panel.log"),
        (signal.SIGINT, "bridge.log"),
        (signal.SIGTERM, "panel.log"),
        (signal.SIGHUP, "panel.log"),
    ],
)
async def test_it_stops_cleanly_at_whatever_point_of_its_start(data: Path, how: signal.Signals, when: str) -> None:
    for log in (data / "homeserver" / "homeserver.log", data / "panel.log", data / "bridge.log"):
        log.unlink()
    demo = await StartedDemo.start(data)
    async with asyncio.timeout(60):
        while not (data / when).exists():
            assert demo.process.returncode is None, demo.said
            await asyncio.sleep(0.02)
    assert await demo.stop(how) == 0, demo.said
    assert demo.said[-2:] == ["Stopping …", "Stopped. The same command starts it again as it was."]
    assert programs_of(data) == {}


@pytest.mark.parametrize(
    ("program", "name"),
    [("deploy.cli bridge", "The bridge"), ("deploy.cli web", "The panel"), ("synapse", "The homeserver")],
)
async def test_when_a_program_ends_the_demo_says_which_and_ends_the_others(data: Path, program: str, name: str) -> None:
    async with running(data) as demo:
        [pid] = [pid for pid, line in programs_of(data).items() if program in line]
        os.kill(pid, signal.SIGKILL)
        assert await demo.ends() == 2
        assert demo.said[-1].startswith(f"{name} has stopped by itself. Its log is {data}")
    assert programs_of(data) == {}


async def test_what_a_killed_demo_left_running_is_ended_by_the_next(data: Path) -> None:
    demo = await StartedDemo.start(data)
    await demo.is_ready()
    demo.process.kill()
    await demo.process.wait()
    left = programs_of(data)
    assert len(left) == 3
    StartedDemo.ready_file(data).unlink()
    async with running(data):
        assert not left.keys() & programs_of(data).keys()
    assert programs_of(data) == {}


@pytest.mark.parametrize("option", ["--panel-port", "--homeserver-port"])
async def test_a_port_in_use_is_one_sentence(data: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        demo = await StartedDemo.start(data, option, str(port))
        assert await demo.ends() == 2
    assert demo.said == [f"Port {port} is taken: stop what is using it, or choose another with {option}."]


async def test_a_running_demo_keeps_to_itself(data: Path) -> None:
    async with running(data) as demo:
        programs = programs_of(data)
        for local, remote in sockets_of(programs):
            assert local in LOOPBACK
            assert remote in LOOPBACK | NOBODY
        for secret in (*(person["password"] for person in demo.ready["members"]), demo.ready["sign_in_link"]):
            assert not any(secret in line for line in programs.values())
        assert [each.name for each in data.iterdir() if each.stat().st_mode & 0o077 and not each.is_socket()] == []

        second = await StartedDemo.start(data)
        assert await second.ends() == 2
        assert second.said == [
            f"A demo is running in {data} already: use that one, or give this one its own folder with --data."
        ]
        assert demo.process.returncode is None


@pytest.mark.peer
async def test_with_peer_a_strict_client_decrypts_a_reminder_without_a_warning_each_time(data: Path) -> None:
    for _ in ("the first time", "and again"):
        async with running(data, "--peer") as demo:
            await demo.says("a reminder of it is due now")
            await demo.says("Ben's phone decrypted, no warning: See you t")
            assert not any("could not read" in line or "warns" in line for line in demo.said)


def bot_device(data: Path) -> str:
    """The bot's one device, as its homeserver knows it."""
    with contextlib.closing(sqlite3.connect(data / "homeserver" / "homeserver.db")) as homeserver:
        [[device]] = homeserver.execute("SELECT device_id FROM devices WHERE user_id LIKE '@hearth:%' AND NOT hidden")
    return str(device)
