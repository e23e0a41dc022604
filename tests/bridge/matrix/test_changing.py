"""A server nobody can reach is told apart from people who say no."""

import pytest

from bridge.matrix import changing
from bridge.matrix.connection import Connection
from bridge.matrix.homeserver import Invite, Rejected
from facilitator.ids import MatrixRoomId, UserId
from tests.bridge.matrix.conftest import Server

ROOM, ZOE = MatrixRoomId("!room:test"), UserId("@zoe:unknown.example")
NOBODY_YET = (404, {"errcode": "M_NOT_FOUND", "error": "Event not found."})
OUR_SERVER_KEEPS_IT_OUT = "Federation denied with unknown.example."


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize(
    ("said", "code"),
    [
        (OUR_SERVER_KEEPS_IT_OUT, changing.SERVER_NOT_REACHED),
        ("Federation denied with test.", "M_FORBIDDEN"),  # theirs keeps ours out: a no like any other
        ("This user is not permitted to send invites", "M_FORBIDDEN"),
        (None, "M_FORBIDDEN"),
    ],
)
async def test_a_server_that_is_not_reached_is_no_refusal(
    server: Server, connection: Connection, direct: bool, said: str | None, code: str
) -> None:
    server.says(403, {"errcode": "M_FORBIDDEN", "error": said})
    server.at["GET", f"/state/m.room.member/{ZOE}"] = NOBODY_YET
    with pytest.raises(Rejected) as refused:
        await changing.invite(connection, Invite(ROOM, ZOE), direct=direct)
    assert refused.value.code == code
    assert "unknown" not in f"{refused.value} {refused.value!r}"
