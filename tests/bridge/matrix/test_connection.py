"""Every answer a homeserver can give is JSON or one of our errors."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from bridge.matrix.connection import KEY_EXISTS, Connection, NeedsConfirmation, path
from bridge.matrix.homeserver import HomeserverError, NotYet, Rejected, SignedOut, SlowDown, TheirFault, TryLater
from bridge.matrix.pace import UNSAID
from tests.bridge.matrix.conftest import Server
from tests.clock import TurnedClock


async def refusal(asking: Awaitable[Any]) -> HomeserverError:
    with pytest.raises(HomeserverError) as refused:
        await asking
    return refused.value


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}, SlowDown),
        (429, "slow down", SlowDown),
        (400, {"errcode": "M_LIMIT_EXCEEDED"}, SlowDown),
        (500, {"errcode": "M_UNKNOWN"}, TheirFault),
        (502, "<html>", TheirFault),
        (302, "", TheirFault),
        (401, {"errcode": "M_UNKNOWN_TOKEN"}, SignedOut),
        (401, {"errcode": "M_MISSING_TOKEN"}, SignedOut),
        (400, {"errcode": "M_UNKNOWN_DEVICE"}, SignedOut),  # an application service's deleted device
        (401, {"flows": [], "session": "x"}, NeedsConfirmation),
        (403, {"errcode": "M_FORBIDDEN", "error": "@ada:test may not"}, Rejected),
        (404, "not here", TheirFault),  # a proxy's words, while the homeserver starts again behind it
        (403, {"message": "forbidden"}, TheirFault),
        (401, "who are you?", TheirFault),
        (400, [], TheirFault),
        (404, {"errcode": "M_UNRECOGNIZED"}, Rejected),
        (200, "<html>", TryLater),
        (200, "[]", TryLater),
    ],
)
async def test_every_kind_of_no_is_one_of_ours(
    server: Server, connection: Connection, status: int, body: Any, kind: type[HomeserverError]
) -> None:
    server.says(status, body)
    refused = await refusal(connection.get("/x"))
    assert type(refused) is kind
    assert "ada" not in repr(refused) + str(refused)


async def test_a_code_is_kept_for_those_who_decide_by_it(server: Server, connection: Connection) -> None:
    server.says(403, {"errcode": "M_FORBIDDEN"})
    refused = await refusal(connection.post("/x", {}, kind="invite"))
    assert isinstance(refused, Rejected)
    assert refused.code == "M_FORBIDDEN"


async def test_a_one_time_key_that_was_given_before_has_a_code_of_its_own(
    server: Server, connection: Connection
) -> None:
    said = "One time key signed_curve25519:AAAAAQ already exists. Old key: {}; new key: {}"
    server.says(400, {"errcode": "M_UNKNOWN", "error": said})
    refused = await refusal(connection.post("/x", {}, kind="keys"))
    assert isinstance(refused, Rejected)
    assert refused.code == KEY_EXISTS


async def test_an_application_service_says_with_every_request_whom_it_means(server: Server, clock: TurnedClock) -> None:
    connection = Connection(server.url, "token", clock=clock, acting_as={"user_id": "@hearth:x", "device_id": "D"})
    server.says(200, {})
    await connection.get("/x", {"since": "s1"})
    await connection.put("/y", {}, kind="send")
    assert server.asked == ["/x?user_id=@hearth:x&device_id=D&since=s1", "/y?user_id=@hearth:x&device_id=D"]
    await connection.close()


async def test_while_a_kind_has_to_wait_the_server_is_not_asked(
    server: Server, connection: Connection, clock: TurnedClock
) -> None:
    server.says(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 60_000})
    first = await refusal(connection.post("/x", {}, kind="create"))
    server.says(200, {})
    second = await refusal(connection.post("/x", {}, kind="create"))
    await connection.post("/x", {}, kind="send")
    assert type(first) is SlowDown
    assert type(second) is NotYet
    assert (first.after, second.after, len(server.asked)) == (timedelta(seconds=60), timedelta(seconds=60), 2)

    clock.turn(timedelta(seconds=61))
    assert await connection.post("/x", {}, kind="create") == {}


@pytest.mark.parametrize(
    ("body", "header", "after"),
    [
        ({"errcode": "M_LIMIT_EXCEEDED"}, "7", timedelta(seconds=7)),
        ({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}, "7", timedelta(milliseconds=1500)),
        ("a proxy's own words", "3", timedelta(seconds=3)),
        ({"errcode": "M_LIMIT_EXCEEDED"}, "Sun, 22 Nov 2026 10:00:00 GMT", UNSAID),
        ({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": "soon"}, None, UNSAID),
        ({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": -5}, None, UNSAID),
        ({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": True}, None, UNSAID),
        ({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 10**15}, "0", UNSAID),
    ],
)
async def test_how_long_to_wait_is_read_from_the_body_or_the_header(
    server: Server, connection: Connection, body: Any, header: str | None, after: timedelta
) -> None:
    server.says(429, body)
    server.headers = {"Retry-After": header} if header else {}
    refused = await refusal(connection.get("/x"))
    assert isinstance(refused, SlowDown)
    assert refused.after == after


@pytest.mark.parametrize("kind", ["get", "join", "keys", "leave", "login", "profile", "state"])
async def test_no_kind_of_request_is_refused_for_good_for_its_haste(
    server: Server, connection: Connection, clock: TurnedClock, kind: str
) -> None:
    server.says(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 4_000})
    assert isinstance(await refusal(connection.post("/x", {}, kind=kind)), SlowDown)
    server.says(200, {})
    clock.turn(timedelta(seconds=5))
    assert await connection.post("/x", {}, kind=kind) == {}


async def test_who_has_to_wait_with_looking_is_heard_all_the_same(server: Server, connection: Connection) -> None:
    server.says(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 4_000})
    await refusal(connection.get(path("rooms", "!r", "state")))
    server.says(200, {"next_batch": "s1"})
    assert await connection.get(path("sync")) == {"next_batch": "s1"}


async def test_nobody_there_is_try_later(clock: TurnedClock) -> None:
    connection = Connection("http://127.0.0.1:9", clock=clock)
    assert type(await refusal(connection.get("/x"))) is TryLater
    await connection.close()


async def test_what_a_path_is_made_of_stays_whole(server: Server, connection: Connection) -> None:
    await connection.get(path("rooms", "!a/b:c", "state", "m.room.member", "@ä/x:y"))
    assert server.asked == ["/_matrix/client/v3/rooms/!a%2Fb:c/state/m.room.member/@%C3%A4%2Fx:y"]
