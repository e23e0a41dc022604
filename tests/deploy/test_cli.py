"""The `hearth` command in bad weather: each fault is one clear sentence with its mend, and exit status 2."""

import asyncio
import logging
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from bridge import account
from bridge.house import LeaseLost
from bridge.matrix.homeserver import SignedOut
from deploy import cli, commands, ports
from facilitator.clock import Clock
from facilitator.database import KeyRing, connect, schema
from facilitator.database.keys import write_privately

ADA = "@ada:example.org"


class House:
    """An installation in a folder, used through the command line alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "hearth.toml"
        self.panel_port = ports.any_free()
        self.write()

    def write(self, house: str = "", bridge: str = "", web: str = "") -> None:
        self.settings.write_text(
            f'[house]\norganisation = "Riverside"\nemergency_number = "112"\ndata_dir = "data"\n{house}\n'
            f'[bridge]\nhomeserver = "http://127.0.0.1:1"\nuser_id = "@hearth:example.org"\n{bridge}\n'
            f"[web]\nport = {self.panel_port}\n{web}\n"
        )

    def hearth(self, *words: str) -> Result:
        return CliRunner().invoke(cli.main, [*words, "--settings", str(self.settings)])

    def refused(self, *words: str, status: int = cli.CANNOT) -> str:
        """What it says when it cannot: one sentence or two, on standard error, status 2."""
        result = self.hearth(*words)
        assert result.exit_code == status, result.output
        assert "Traceback" not in result.output
        assert len(result.stderr.strip().splitlines()) == 1
        return result.stderr

    @property
    def database(self) -> Path:
        return self.folder / "data" / "hearth.db"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def migrated(house: House) -> House:
    assert house.hearth("migrate").exit_code == 0
    return house


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    before, handlers, level = structlog.get_config(), logging.root.handlers[:], logging.root.level
    yield
    structlog.configure(**before)
    logging.root.handlers, logging.root.level = handlers, level


def test_migrate_makes_a_new_database_and_its_keys_and_says_so(house: House) -> None:
    told = house.hearth("migrate").output
    assert "Made a new database" in told
    assert f"at {schema.head()}." in told
    for key in ("people.key", "bridge.key"):
        assert (house.folder / "data" / key).stat().st_mode & 0o077 == 0


def test_migrate_again_has_nothing_to_do(migrated: House) -> None:
    keys = [(migrated.folder / "data" / key).read_text() for key in ("people.key", "bridge.key")]
    assert "nothing to do" in migrated.hearth("migrate").output
    assert keys == [(migrated.folder / "data" / key).read_text() for key in ("people.key", "bridge.key")]


def test_a_lost_key_is_never_replaced_by_a_new_one(migrated: House) -> None:
    key = migrated.folder / "data" / "people.key"
    key.unlink()
    assert "put back your copy" in migrated.refused("migrate")
    assert not key.exists()


def test_a_new_coordinator_gets_a_link_to_the_panel(migrated: House) -> None:
    result = migrated.hearth("coordinator", "add", "--name", "Ada", "--matrix-id", ADA)
    assert result.exit_code == 0
    assert result.stdout.startswith("http://localhost:8700/sign-in/")
    assert "once" in result.stderr


def test_a_coordinator_gets_a_new_link_and_the_two_differ(migrated: House) -> None:
    first = migrated.hearth("coordinator", "add", "--name", "Ada", "--matrix-id", ADA).stdout
    second = migrated.hearth("coordinator", "link", "--matrix-id", ADA).stdout
    assert second.startswith("http://localhost:8700/sign-in/")
    assert first != second


def test_who_has_an_account_is_not_added_again(migrated: House) -> None:
    migrated.hearth("coordinator", "add", "--name", "Ada", "--matrix-id", ADA)
    assert "already" in migrated.refused("coordinator", "add", "--name", "Ada", "--matrix-id", ADA)


def test_no_link_for_who_has_no_account(migrated: House) -> None:
    assert "No account" in migrated.refused("coordinator", "link", "--matrix-id", ADA)


def test_something_that_is_no_matrix_id_is_refused(migrated: House) -> None:
    assert "Matrix ID" in migrated.refused("coordinator", "add", "--name", "Ada", "--matrix-id", "ada")


COMMANDS = (
    ["bridge"],
    ["web"],
    ["migrate"],
    ["renew"],
    ["identity", "save", "copy"],
    ["coordinator", "add", "--name", "Ada", "--matrix-id", ADA],
    ["coordinator", "link", "--matrix-id", ADA],
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_without_a_settings_file_every_command_says_where_it_looked(house: House, words: list[str]) -> None:
    house.settings.unlink()
    assert str(house.settings) in house.refused(*words)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_missing_setting_is_named(house: House, words: list[str]) -> None:
    house.settings.write_text('[house]\nemergency_number = "112"\n')
    assert "[house] organisation" in house.refused(*words)


def test_a_setting_there_is_not_is_named_with_the_one_that_was_meant(house: House) -> None:
    house.write(web="prot = 8700")
    assert "did you mean port?" in house.refused("web")


def test_a_wrong_setting_is_named(house: House) -> None:
    house.write(bridge="health_port = 70000")
    assert "[bridge] health_port" in house.refused("bridge")


SERVICES = ("bridge", "web")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_does_not_start_without_a_database(house: House, service: str) -> None:
    assert "hearth migrate" in house.refused(service)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_does_not_start_on_an_empty_database(migrated: House, service: str) -> None:
    migrated.database.unlink()
    assert "run `hearth migrate`" in migrated.refused(service)


@pytest.mark.parametrize("words", [["bridge"], ["web"], ["migrate"]], ids=" ".join)
def test_nothing_starts_on_a_database_of_a_newer_version(migrated: House, words: list[str]) -> None:
    with sqlite3.connect(migrated.database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert "newer version of Hearth" in migrated.refused(*words)


@pytest.mark.parametrize("service", SERVICES)
def test_a_key_that_others_can_read_is_refused_with_the_mend(migrated: House, service: str) -> None:
    key = migrated.folder / "data" / "people.key"
    key.chmod(0o644)
    assert f"chmod 600 {key}" in migrated.refused(service)


def test_a_lost_key_of_the_bridge_names_both_mends(migrated: House) -> None:
    (migrated.folder / "data" / "bridge.key").unlink()
    for words in (("bridge",), ("renew",)):
        said = migrated.refused(*words)
        assert "put back your copy" in said
        assert "hearth renew --identity" in said


def test_the_bridges_key_is_looked_at_too(migrated: House) -> None:
    (migrated.folder / "data" / "bridge.key").chmod(0o640)
    assert "chmod 600" in migrated.refused("bridge")


def test_a_second_bridge_is_refused(migrated: House) -> None:
    with account.only_one(migrated.folder / "data"):
        assert "Another bridge is running" in migrated.refused("bridge")


def test_the_panel_names_the_port_that_is_taken(migrated: House) -> None:
    with socket.create_server(("127.0.0.1", migrated.panel_port)):
        assert f"Port {migrated.panel_port}" in migrated.refused("web")


@pytest.mark.parametrize("words", [["bridge"], ["web"], ["migrate"]], ids=" ".join)
def test_a_database_that_does_not_answer_is_a_sentence_and_may_be_tried_again(
    migrated: House, words: list[str]
) -> None:
    migrated.write(house='database_url = "postgresql://hearth@/hearth?host=/nowhere"')
    assert "does not answer" in migrated.refused(*words, status=cli.FOR_NOW)


def test_an_account_held_on_another_machine_is_a_sentence_and_may_be_tried_again(migrated: House) -> None:
    house = migrated

    async def hold() -> None:
        data = house.folder / "data"
        people, bridge = KeyRing.load(data / "people.key"), KeyRing.load(data / "bridge.key")
        database = connect(f"sqlite:///{house.database}", people=people, bridge=bridge)
        settings = commands.bridge_of(house.settings)
        await account.claim(database, settings, machine="there:2", clock=Clock())
        await database.close()

    asyncio.run(hold())
    assert account.HELD_ELSEWHERE in house.refused("bridge", status=cli.FOR_NOW)


def test_a_lost_lease_may_be_tried_again_and_a_lost_sign_in_may_not(
    migrated: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated.write(bridge='password_file = "password"')
    write_privately(migrated.folder / "password", "hunter2", over=False)
    for error, status in ((LeaseLost(), cli.FOR_NOW), (SignedOut("M_UNKNOWN_TOKEN"), cli.CANNOT)):

        async def end(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(account, "keep_holding", end)
        migrated.refused("bridge", status=status)


def test_the_shipped_unit_starts_the_bridge_again_after_what_passes_and_not_after_what_has_to_be_mended() -> None:
    unit = (Path(cli.__file__).parent / "systemd" / "hearth-bridge.service").read_text().splitlines()
    assert "Restart=on-failure" in unit and "RestartSec=10" in unit
    assert f"RestartPreventExitStatus={cli.CANNOT}" in unit
    assert cli.FOR_NOW not in (0, 1, cli.CANNOT)


def test_a_bug_keeps_its_trace_and_tells_nothing_of_what_it_held(
    migrated: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_path: Path) -> None:
        raise ValueError("hunter2")

    monkeypatch.setattr(commands, "panel_of", broken)
    result = migrated.hearth("coordinator", "link", "--matrix-id", ADA)
    assert result.exit_code == 1
    assert "builtins.ValueError" in result.stderr
    assert "hunter2" not in result.output


def test_times_before_a_session_are_understood_or_refused_in_a_sentence() -> None:
    result = CliRunner().invoke(cli.main, ["demo", "--reminder-offsets", "soon"])
    assert result.exit_code == cli.CANNOT
    assert "no time before a session" in result.output


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(cli.main, ["--version"]).output == "hearth, version 0.1.0\n"
