"""Who is answered and when: help always, anything else only to a device of whoever asks, and not days later."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bridge import commands
from bridge.heard import Message
from facilitator import rooms
from facilitator.database.tables import Act
from facilitator.ids import EventId, MatrixRoomId, UserId
from facilitator.outbox import Priority
from facilitator.rooms import Place
from tests.cast import ADA, BEN, CLEO
from tests.clock import MONDAY_NOON
from tests.journeys.running import Running

ROOM = MatrixRoomId("!room:test")
ASKED = Message(
    room=ROOM, event_id=EventId("$asked"), sender=BEN, sent_at=MONDAY_NOON, body="!sessions", bound=True, signed=True
)
A_DAY = timedelta(days=1)


@dataclass
class Asking:
    """A group's room with the bot, and what the bot would say there."""

    house: Running
    place: Place
    events: int = 0

    async def say(self, body: str, *, place: Place | None = None, now: datetime = MONDAY_NOON, **how: Any) -> None:
        self.events += 1
        message = replace(ASKED, body=body, event_id=EventId(f"$asked{self.events}"), **how)
        async with self.house.database.transaction() as db:
            await commands.answer(db, message, place or self.place, now=now)

    async def acts(self) -> list[Act]:
        async with self.house.database.reading() as db:
            return list(await db.scalars(select(Act).order_by(Act.seq)))

    async def answers(self) -> list[str]:
        return [act.utterance for act in await self.acts()]


async def direct_with(house: Running, person: UserId) -> Place:
    async with house.database.transaction() as db:
        found = await rooms.place(db, await rooms.direct_with(db, person, now=MONDAY_NOON))
    assert found is not None
    return found


@pytest.fixture
async def asking(running: Running) -> Asking:
    room_id = await running.room_id(await running.open_group())
    async with running.database.reading() as db:
        place = await rooms.place(db, room_id)
    assert place is not None
    return Asking(running, place)


@pytest.mark.parametrize(
    "how",
    [
        {"bound": False}, {"signed": False}, {"encrypted": False, "bound": False, "signed": False},
        {"sent_at": MONDAY_NOON - timedelta(days=30)}, {"sent_at": MONDAY_NOON + timedelta(days=30)},
        {"sender": UserId("@eve:elsewhere")}, {"sent_at": datetime.fromisoformat("1970-01-01T00:00:00+00:00")},
    ],
    ids=["forged", "unsigned", "in clear", "a month late", "from the future", "stranger", "no time"],
)  # fmt: skip
async def test_help_is_always_answered(asking: Asking, how: dict[str, Any]) -> None:
    await asking.say("!help", **how)
    acts = await asking.acts()
    assert {(act.utterance, act.priority) for act in acts} == {("help", Priority.HELP)}
    assert asking.place.id in {act.room_id for act in acts}


async def test_help_asked_from_a_device_that_may_not_read_the_room_comes_where_it_can(asking: Asking) -> None:
    await asking.say("!help", sender=ADA, signed=False)
    alone = await direct_with(asking.house, ADA)
    assert {act.room_id for act in await asking.acts()} == {asking.place.id, alone.id}
    await asking.say("!help", sender=ADA, signed=False, place=alone, now=MONDAY_NOON + timedelta(minutes=3))
    assert [act.room_id for act in await asking.acts()].count(asking.place.id) == 1


async def test_a_sender_nobody_here_knows_gets_no_room_of_their_own(asking: Asking) -> None:
    await asking.say("!help", sender=UserId("@eve:elsewhere"), bound=False, signed=False)
    assert {act.room_id for act in await asking.acts()} == {asking.place.id}


async def test_every_call_for_help_is_answered_but_the_card_stands_once_in_two_minutes(asking: Asking) -> None:
    await asking.say("!help")
    await asking.say("Help!", now=MONDAY_NOON + timedelta(seconds=3))
    await asking.say("!help", sender=CLEO, now=MONDAY_NOON + timedelta(seconds=119))
    assert await asking.answers() == ["help", "help_again", "help_again"]
    await asking.say("!help", now=MONDAY_NOON + timedelta(seconds=121))
    assert (await asking.answers())[-1] == "help"


async def test_help_heard_again_after_a_crash_is_answered_once(asking: Asking) -> None:
    for minutes in (0, 10, 100):
        asking.events = 0
        await asking.say("!help", now=MONDAY_NOON + timedelta(minutes=minutes))
    assert await asking.answers() == ["help"]


async def test_help_goes_before_everything_else(asking: Asking) -> None:
    await asking.say("!sessions")
    await asking.say("!help")
    by_priority = sorted(await asking.acts(), key=lambda act: (act.priority, act.seq))
    assert [act.utterance for act in by_priority] == ["help", "sessions"]


@pytest.mark.parametrize("body", ["!sessions", "!commands", "!weather"])
@pytest.mark.parametrize("direct", [True, False], ids=["direct", "group"])
async def test_all_else_is_answered_only_to_a_device_of_whoever_asks(asking: Asking, body: str, direct: bool) -> None:
    place = await direct_with(asking.house, BEN) if direct else asking.place
    await asking.say(body, place=place, bound=False)
    await asking.say(body, place=place, bound=False, encrypted=False)
    assert await asking.answers() == []
    await asking.say(body, place=place, signed=False)
    assert len(await asking.answers()) == 1


@pytest.mark.parametrize("body", ["!sessions", "!commands", "!weather"])
async def test_what_was_asked_more_than_a_day_ago_is_not_answered_any_more(asking: Asking, body: str) -> None:
    await asking.say(body, now=MONDAY_NOON + A_DAY + timedelta(seconds=1))
    assert await asking.answers() == []
    await asking.say(body, now=MONDAY_NOON + A_DAY)
    assert len(await asking.answers()) == 1


async def test_a_question_heard_twice_is_answered_once(asking: Asking) -> None:
    await asking.say("!sessions")
    asking.events = 0
    await asking.say("!sessions", now=MONDAY_NOON + timedelta(hours=1))
    assert await asking.answers() == ["sessions"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("!sessions", ["sessions"]), ("!Meetings", ["sessions"]), ("!commands", ["commands"]), ("!menu", ["commands"]),
        ("!weather", ["unknown_command"]), ("weather", []), ("sessions", []), ("help", ["help"]), ("!sos", ["help"]),
        ("sos", []), ("I could use some help", []), ("", []), ("¡Hola!", []), ("¡sessions!", ["sessions"]),
    ],
)  # fmt: skip
async def test_what_is_said_to_what_is_written_in_a_group(asking: Asking, body: str, said: list[str]) -> None:
    await asking.say(body)
    assert await asking.answers() == said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sessions", ["sessions"]), ("Menu", ["commands"]), ("sos", ["help"]), ("!weather", ["unknown_command"]),
        ("hello", []), ("thank you", []), ("Sessions please", []),
    ],
)  # fmt: skip
async def test_what_is_said_to_what_is_written_to_the_bot_alone(asking: Asking, body: str, said: list[str]) -> None:
    await asking.say(body, place=await direct_with(asking.house, BEN))
    assert await asking.answers() == said


async def test_no_answer_keeps_what_was_written(asking: Asking) -> None:
    for body in ("!help xyzzy", "!sessions xyzzy", "!weather xyzzy", "!xyzzy"):
        await asking.say(body)
    acts = await asking.acts()
    assert len(acts) == 4
    assert "xyzzy" not in str([vars(act) for act in acts])


def test_no_two_commands_share_a_word_and_they_stand_by_name() -> None:
    every = [word for command in commands.COMMANDS for word in command.words]
    assert len(every) == len(set(every))
    assert [command.words[0] for command in commands.COMMANDS] == sorted(c.words[0] for c in commands.COMMANDS)
