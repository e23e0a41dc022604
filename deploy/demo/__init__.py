"""A whole Hearth on this machine: a real homeserver, bridge and panel, with sample people to try it.

Everything is as a host would set it up, only on loopback and in one folder; starting again finds it as it was.
"""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from deploy import commands, homeserver, peer, ports
from deploy.demo import ben, configuration, people, words
from deploy.demo.configuration import Ports
from deploy.demo.folder import Folder
from deploy.demo.running import Running, end_leftovers
from deploy.demo.words import Person, Ready
from deploy.processes import Service
from deploy.terminal import Progress
from facilitator.clock import Clock
from facilitator.database.keys import write_privately
from facilitator.errors import Misconfigured, NotFound, Refused

PANEL_PORT, HOMESERVER_PORT, HEALTH_PORT = 8700, 8708, 8701


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for on the command line."""

    data: Path
    panel_port: int | None = None
    homeserver_port: int | None = None
    ready_file: Path | None = None
    reminder_offsets: tuple[timedelta, ...] | None = None
    peer: bool = False
    fresh: bool = False


async def run(wishes: Wishes, clock: Clock) -> None:
    """Start everything, say how to use it, and keep it going until Ctrl-C. Raises Refused when it cannot go on."""
    progress = Progress(clock)
    with held(wishes) as folder:
        demo = Demo(wishes, folder, clock, progress)
        await until_stopped(demo.live(), progress)


@contextlib.contextmanager
def held(wishes: Wishes) -> Iterator[Folder]:
    folder = Folder.take(wishes.data, fresh=wishes.fresh)
    try:
        yield folder
    finally:
        folder.release()


async def until_stopped(work: Coroutine[Any, Any, None], progress: Progress) -> None:
    """Run it until it ends or somebody asks to stop. Asking again changes nothing: it is stopping."""
    task = asyncio.ensure_future(work)
    asked = asyncio.Event()

    def stop() -> None:
        if not asked.is_set():
            asked.set()
            task.cancel()
            progress.say("Stopping …")

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, stop)
    try:
        await task
    except asyncio.CancelledError:
        progress.say("Stopped. The same command starts it again as it was.")


class Demo:
    """One demo, in its folder."""

    def __init__(self, wishes: Wishes, folder: Folder, clock: Clock, progress: Progress) -> None:
        self._wishes, self._folder, self._clock, self._progress = wishes, folder, clock, progress
        self._running = Running(folder.path, clock)

    async def live(self) -> None:
        """Start, announce, watch; whatever happens, leave nothing running. Raises Refused."""
        self._forget_ready()
        homeserver.require()
        if self._wishes.peer:
            peer.require_node()
        try:
            await end_leftovers(self._folder.path, self._clock)
            async with self._progress.shown():
                settings = await self._start()
            ready = await self._ready(settings)
            self._tell(ready)
            async with together() as group:
                if self._wishes.peer:
                    group.create_task(ben.follow(self._folder, settings, ready, self._clock))
                await self._running.watch()
        finally:
            self._forget_ready()
            await self._running.stop()

    async def _start(self) -> Path:
        """Bring everything up, side by side where one does not need the other. Returns the settings file."""
        chosen = self._ports()
        settings = configuration.write(self._folder, chosen, self._wishes.reminder_offsets)
        async with together() as group:
            if self._wishes.peer and not peer.installed():
                group.create_task(self._install_peer())
            serving = group.create_task(self._serve(chosen.homeserver))
            with self._progress.step("preparing the database"):
                await commands.migrate(settings)
            panel = self._service("the panel", "web", settings)
            group.create_task(self._wait_for(panel, chosen.panel))
            await asyncio.shield(serving)  # shielded: stopping must reach all of the group at once, not this one first
            bridge = self._service("the bridge", "bridge", settings)
            group.create_task(self._wait_for(bridge, chosen.health))
        return settings

    def _ports(self) -> Ports:
        wishes, last = self._wishes, self._folder.remembered()
        asked_for = {port for port in (wishes.panel_port, wishes.homeserver_port) if port is not None}
        panel = ports.choose(
            wishes.panel_port, remembered=last.panel_port, usual=PANEL_PORT, option="--panel-port",
            besides=asked_for - {wishes.panel_port},
        )  # fmt: skip
        homeserver = ports.choose(
            wishes.homeserver_port, remembered=last.homeserver_port, usual=HOMESERVER_PORT,
            option="--homeserver-port", besides={panel},
        )  # fmt: skip
        self._folder.change(panel_port=panel, homeserver_port=homeserver)
        health = ports.choose(None, remembered=None, usual=HEALTH_PORT, option="", besides={panel, homeserver})
        return Ports(panel=panel, homeserver=homeserver, health=health)

    async def _serve(self, port: int) -> None:
        options = homeserver.Options(
            data=self._folder.path / "homeserver", port=port, server_name=people.SERVER_NAME
        )  # fmt: skip
        with self._progress.step("starting the homeserver"):
            serving = await homeserver.start(options, self._clock, launched=self._running.add_homeserver)
        with self._progress.step("registering the sample people"):
            await people.register(serving, self._folder)

    async def _install_peer(self) -> None:
        with self._progress.step("installing Ben's client (npm ci)"):
            await peer.install()

    def _service(self, name: str, command: str, settings: Path) -> Service:
        return self._running.start(name, "deploy.cli", command, "--settings", str(settings))

    async def _wait_for(self, service: Service, port: int) -> None:
        with self._progress.step(f"starting {service.name}"):
            await self._running.ready(service, f"http://127.0.0.1:{port}/readyz")

    async def _ready(self, settings: Path) -> Ready:
        last, ada = self._folder.remembered(), people.user_id(people.FACILITATOR)
        try:
            link = await commands.new_link(settings, matrix_id=ada, clock=self._clock)
        except NotFound:
            link = await commands.add_coordinator(settings, name="Ada", matrix_id=ada, clock=self._clock)
        return Ready(
            panel_url=f"http://localhost:{last.panel_port}",
            sign_in_link=link,
            homeserver_url=f"http://localhost:{last.homeserver_port}",
            server_name=people.SERVER_NAME,
            bot_user_id=people.user_id(people.BOT),
            members=tuple(Person(people.user_id(name), self._folder.password(name)) for name in people.MEMBERS),
        )

    def _tell(self, ready: Ready) -> None:
        if self._wishes.ready_file is not None:
            try:
                write_privately(self._wishes.ready_file, json.dumps(asdict(ready)), over=True)
            except OSError as error:
                raise Misconfigured(
                    f"The ready file {self._wishes.ready_file} cannot be written: {error.strerror}."
                ) from None
        print(words.announcement(ready, self._folder.path, peer=self._wishes.peer), flush=True)

    def _forget_ready(self) -> None:
        if self._wishes.ready_file is not None:
            self._wishes.ready_file.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises what may be told as it is, not as one of a group."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as several:
        if (told := _first(several.subgroup(Refused))) is None:
            raise
        raise told from None


def _first(error: BaseException | None) -> BaseException | None:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
