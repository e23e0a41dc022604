"""`hearth setup` on a real homeserver: each way in, each wrong input, and however often it is run or interrupted."""

import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge import renewing, signing_in
from bridge.matrix import login
from bridge.matrix.limits import NO_LIMIT
from deploy import cli, matrix_accounts
from deploy.setup import settings_file, steps
from facilitator.ids import UserId
from tests.live.set_up import SetUp, seen_by
from tests.live.test_restarts import replace_identity
from tests.live.world import PASSWORD, SERVICE_TOKEN, Person, World

pytestmark = pytest.mark.live


@pytest.fixture
async def house(world: World, tmp_path: Path) -> AsyncIterator[SetUp]:
    user_id, _ = await world.account("hearth")
    yield SetUp(tmp_path / "house", world.url, user_id)


async def administrator(world: World) -> Person:
    secret = world.homeserver.registration_secret
    await matrix_accounts.register(world.url, secret, name="keeper", password=PASSWORD, admin=True)
    return await world.person_of("keeper")


async def limits_of(admin: Person, user: UserId) -> Any:
    return await admin.do("GET", f"../../../_synapse/admin/v1/users/{user}/override_ratelimit")


async def test_by_password_it_makes_a_bot_whose_identity_everybody_sees_as_it_was_printed(
    world: World, house: SetUp
) -> None:
    admin = await administrator(world)
    result = await house.set_up("--admin-token-file", house.secret("admin", admin.token))
    assert result.exit_code == 0, result.output
    seen = await seen_by(admin, house.user_id)
    assert seen.master_key is not None
    assert steps.in_fours(seen.master_key) in result.output
    assert seen.devices == seen.signed == {house.device}
    assert await limits_of(admin, house.user_id) == NO_LIMIT
    assert house.settings.stat().st_mode & 0o777 == 0o640
    for secret in (PASSWORD, admin.token):
        assert secret not in result.output + house.settings.read_text()

    before = house.settings.read_text()
    again = await house.hearth("setup")
    assert again.exit_code == 0, again.output
    assert "nothing else had to be done" in again.output
    assert (house.settings.read_text(), await limits_of(admin, house.user_id)) == (before, NO_LIMIT)
    now = await seen_by(admin, house.user_id)
    assert (now.master_key, now.devices) == (seen.master_key, seen.devices)


async def test_without_an_administrator_it_says_what_one_may_run(house: SetUp) -> None:
    result = await house.set_up()
    assert result.exit_code == 0, result.output
    assert f"users/{house.user_id}/override_ratelimit" in result.output


async def test_by_token_it_takes_that_device_and_signs_nobody_in(world: World, house: SetUp) -> None:
    person = await world.person_of(house.user_id[1:].partition(":")[0])
    way = ("--token-file", house.secret("token", person.token), "--device-id", person.device_id)
    assert (await house.set_up(way=way)).exit_code == 0
    seen = await seen_by(person, house.user_id)
    assert seen.signed == {person.device_id}
    assert len((await person.do("GET", "devices"))["devices"]) == 1
    await house.done("setup")
    assert await house.refused("renew", *way) == f"{renewing.SAME_DEVICE}\n"


async def test_as_an_application_service_it_needs_no_password_then_or_ever(world: World, house: SetUp) -> None:
    bot = UserId(f"@service-{house.user_id[1:]}")
    house.user_id = bot
    way = ("--as-token-file", house.secret("token", SERVICE_TOKEN))
    result = await house.set_up(way=way)
    assert result.exit_code == 0, result.output
    assert "rate_limited: false" in result.output
    person = await world.person()
    first = await seen_by(person, bot)
    async with house.running() as client:
        assert await client.is_signed()
        await client.keep_up()
        assert (await client.listen(None, wait=timedelta(0))).next_batch

    assert "same as before" in await house.done("renew")
    second = await seen_by(person, bot)
    assert second.master_key == first.master_key
    assert second.devices == second.signed != first.devices

    house.lose("keystore.db")
    async with house.running() as client:
        assert await client.is_signed()
    third = await seen_by(person, bot)
    assert third.master_key == first.master_key
    assert third.devices == third.signed == {house.device}
    assert third.devices != second.devices

    assert "new identity" in await house.done("renew", "--new-identity", "--yes")
    assert (await seen_by(person, bot)).master_key != first.master_key


async def refused(house: SetUp, *way: str, more: tuple[str, ...] = ()) -> str:
    result = await house.set_up(*more, way=way)
    assert result.exit_code == cli.CANNOT, result.output
    assert "Traceback" not in result.output
    return result.stderr.strip()


async def test_every_wrong_way_in_is_one_clear_sentence(world: World, house: SetUp) -> None:
    person, other = await world.person_of(house.user_id[1:].partition(":")[0]), await world.person()
    admin = await administrator(world)
    deviceless = (await admin.do("POST", f"../../../_synapse/admin/v1/users/{house.user_id}/login", {}))["access_token"]

    async def by_token(token: str, device: str) -> str:
        return await refused(house, "--token-file", house.secret("token", token), "--device-id", device)

    assert await refused(house, "--password-file", house.secret("wrong", "not it")) == login.WRONG_PASSWORD
    assert await by_token("nonsense", "D") == login.WRONG_TOKEN
    assert await by_token(other.token, other.device_id) == login.OTHER_ACCOUNT
    assert await by_token(deviceless, "D") == login.NO_DEVICE
    assert await by_token(person.token, "D") == login.OTHER_DEVICE
    token = house.secret("token", "nonsense")
    assert await refused(house, "--as-token-file", token) == login.WRONG_SERVICE_TOKEN
    assert await refused(house, "--as-token-file", house.secret("token", SERVICE_TOKEN)) == login.NOT_ITS_ACCOUNT
    assert house.change("SELECT * FROM bot_accounts") == []
    assert len((await person.do("GET", "devices"))["devices"]) == 1
    await admin.do("POST", f"../../../_synapse/admin/v1/deactivate/{house.user_id}", {})
    assert await by_token(person.token, person.device_id) == login.WRONG_TOKEN
    assert await refused(house) in (login.WRONG_PASSWORD, login.DEACTIVATED)


async def test_what_is_no_homeserver_is_told_before_anything_is_made(house: SetUp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    house.url = f"http://127.0.0.1:{port}"
    assert "Nobody answers" in await refused(house)
    assert not house.settings.exists()
    assert not house.data.exists()


async def test_an_account_with_an_identity_is_left_as_it_was(world: World, house: SetUp) -> None:
    await replace_identity(world, house.user_id)
    person = await world.person_of(house.user_id[1:].partition(":")[0])
    before = await person.do("GET", "devices")
    assert await refused(house) == steps.HAS_IDENTITY
    assert len((await person.do("GET", "devices"))["devices"]) == len(before["devices"])
    assert house.change("SELECT * FROM bot_accounts") == []

    assert "new identity" in await house.done("renew", "--new-identity", "--yes")
    assert (await house.hearth("setup")).exit_code == 0
    assert house.device in (await seen_by(person, house.user_id)).signed


async def test_a_device_another_app_uses_is_not_taken(world: World, house: SetUp) -> None:
    other = await world.bot()
    await other.start()
    house.user_id = other.account.user_id
    way = ("--token-file", house.secret("t", other.account.access_token), "--device-id", other.account.device_id)
    assert await refused(house, *way) == steps.HAS_IDENTITY
    person = await world.person()
    assert (await seen_by(person, house.user_id)).signed == {other.account.device_id}


STEPS = ("settings_file.write", "steps.database", "signing_in.keep", "steps.device", "steps._checked", "steps._limits")


async def test_interrupted_anywhere_it_is_run_again(
    world: World, house: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = {"settings_file": settings_file, "steps": steps, "signing_in": signing_in}
    for step in STEPS:
        module, name = step.split(".")
        with monkeypatch.context() as broken:

            def interrupted(*_: object, **__: object) -> None:
                raise KeyboardInterrupt

            broken.setattr(homes[module], name, interrupted)
            result = await house.set_up()
            assert result.exit_code == cli.INTERRUPTED, (step, result.output)
            assert not list(house.folder.glob(".*draft"))
    result = await house.set_up()
    assert result.exit_code == 0, result.output
    seen = await seen_by(await world.person(), house.user_id)
    assert seen.devices == seen.signed == {house.device}


async def test_a_person_at_a_terminal_is_asked_for_what_is_missing(house: SetUp) -> None:
    typed = "\n".join(["Riverside", "112", house.url, house.user_id, "y", "1", PASSWORD]) + "\n"
    result = await house.hearth("setup", "--ask", "--data-dir", str(house.data), typed=typed)
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output + house.settings.read_text()
    assert "password_file" not in json.dumps(settings_file.tomllib.loads(house.settings.read_text()))
    assert "The bot is ready" in result.output


async def test_who_says_no_to_the_servers_name_has_made_nothing(house: SetUp) -> None:
    typed = "\n".join(["Riverside", "112", house.url, house.user_id, "n"]) + "\n"
    result = await house.hearth("setup", "--ask", "--data-dir", str(house.data), typed=typed)
    assert result.exit_code == cli.CANNOT
    assert not house.settings.exists()
    assert not house.data.exists()
