"""A Synapse on this machine: starts, keeps what it had, says in one sentence why it cannot, leaves nothing running."""

import os
import socket
from pathlib import Path

import pytest

from deploy import homeserver, matrix_accounts
from deploy.homeserver import HOST, LocalHomeserver, Options
from facilitator.errors import Misconfigured

pytestmark = pytest.mark.live


def group_of(running: LocalHomeserver) -> int:
    return os.getpgid(running.process.pid)


async def test_it_keeps_its_accounts_and_leaves_nothing_running(tmp_path: Path) -> None:
    options = Options(data=tmp_path, port=homeserver.free_port())
    async with homeserver.running(options) as first:
        who = await matrix_accounts.register(first.url, first.registration_secret, name="ada", password="secret")
        group = group_of(first)
        assert group == first.process.pid != os.getpgid(0)
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)

    async with homeserver.running(options) as again:
        assert (
            await matrix_accounts.register(again.url, again.registration_secret, name="ada", password="secret") == who
        )
        assert (await matrix_accounts.sign_in(again.url, name="ada", password="secret")).user_id == who
        with pytest.raises(Misconfigured, match="name and password"):
            await matrix_accounts.sign_in(again.url, name="ada", password="wrong")


async def test_its_folder_is_its_owners_alone(local_homeserver: LocalHomeserver) -> None:
    data = local_homeserver.options.data
    for secret in ("homeserver.json", "secrets.json"):
        assert (data / secret).stat().st_mode & 0o077 == 0


async def test_it_speaks_to_nobody_and_is_spoken_to_from_here_alone(local_homeserver: LocalHomeserver) -> None:
    written = (local_homeserver.options.data / "homeserver.json").read_text()
    for promise in ('"trusted_key_servers": []', '"report_stats": false', '"federation_domain_whitelist": []'):
        assert promise in written
    assert '"0.0.0.0"' not in written


async def test_a_port_in_use_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Misconfigured, match=str(port)):
            await homeserver.start(Options(data=tmp_path, port=port))
    assert not (tmp_path / "homeserver.log").exists()


async def test_when_it_ends_at_its_start_its_last_words_are_passed_on(tmp_path: Path) -> None:
    options = Options(data=tmp_path, port=homeserver.free_port(), server_name="no such name!")
    with pytest.raises(Misconfigured, match="invalid format"):
        await homeserver.start(options)
