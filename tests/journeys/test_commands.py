"""What people write to the bot, and what it answers: help always, everything else only to a device of its sender."""

from datetime import timedelta

import pytest

from bridge import commands
from tests.cast import ADA, BEN, CLEO
from tests.journeys.running import Running

HELP, SESSIONS = "Thank you for writing.", "No session is planned yet."
HELPS = ["!help", "Help!", "help", "‘!Help’", "“help”", "! help", "¡help!", "HELP", "!sos", "!help please"]
COMMANDS, UNKNOWN = "What you can write to me:", "I do not know that one."


async def asked(house: Running, body: str, **how: bool) -> list[str]:
    """The first lines of what the bot answers in the group's room."""
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    await ben.say(room, body, **how)
    await house.settle()
    return [text.splitlines()[0] for text in house.said(room)[1:]]


@pytest.mark.parametrize("body", HELPS)
async def test_help_is_answered_however_a_phone_writes_it(house: Running, body: str) -> None:
    assert await asked(house, body) == [HELP]


@pytest.mark.parametrize("how", [{}, {"bound": False}, {"encrypted": False}])
async def test_help_is_answered_to_anybody_in_any_way(any_house: Running, how: dict[str, bool]) -> None:
    assert await asked(any_house, "!help", **how) == [HELP]


@pytest.mark.parametrize("body", ["!sessions", "!commands", "!what"])
@pytest.mark.parametrize("how", [{"bound": False}, {"encrypted": False}])
async def test_nothing_else_is_done_for_a_sender_who_may_be_forged(
    house: Running, body: str, how: dict[str, bool]
) -> None:
    assert await asked(house, body, **how) == []


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("!sessions", SESSIONS),
        ("!Meetings", SESSIONS),
        ("!commands", COMMANDS),
        ("“!Commands”", COMMANDS),
        ("!whatever", UNKNOWN + " Write !commands to see what I can do."),
    ],
)
async def test_a_command_has_its_answer(house: Running, body: str, answer: str) -> None:
    assert await asked(house, body) == [answer]


@pytest.mark.parametrize("body", ["sessions", "I need help with my tax", "help\nme", "!", "?!", "hello", "help " * 20])
async def test_talk_is_left_alone(house: Running, body: str) -> None:
    assert await asked(house, body) == []


async def test_the_numbers_come_first_and_are_the_houses_own(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    await ben.say(room, "!help")
    await house.settle()
    lines = [line for line in house.said(room)[1].splitlines() if line]
    assert lines[1:] == [
        "In danger now? Call 112.",
        "To reach somebody right away:",
        "• Night line: 0800 111 (at any hour)",
        "To talk with a listener, when it is not an emergency:",
        "• Listeners: 0800 222 (18 to 22)",
        lines[-1],
    ]
    assert await ben.read(room) == [house.said(room)[0], "!help", house.said(room)[1]]


async def test_asked_twice_at_once_help_is_answered_twice_and_its_card_stands_once(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    for wait in (timedelta(), timedelta(seconds=5), timedelta(minutes=5)):
        house.clock.turn(wait)
        await ben.say(room, "!help")
        await house.settle()
    assert [text.splitlines()[0] for text in house.said(room)[1:]] == [
        "Thank you for writing.", "The numbers are just above.", "Thank you for writing."
    ]  # fmt: skip


async def test_help_overtakes_what_waits(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    await house.schedule(group, weekday=0, at="14:00", zone="UTC")
    room = await house.matrix_room(group)
    listen, tick, _, send, *_ = house.passes
    await tick()
    await ben.say(room, "!sessions")
    await ben.say(room, "!help")
    await listen()
    while await send():
        pass
    assert [text.split()[0] for text in house.said(room)] == ["Hello,", "Thank", "When", "See"]


async def test_the_sessions_are_told_in_the_zone_of_the_group(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    await house.schedule(group, weekday=2, at="19:00", zone="Europe/Berlin")
    room = await house.matrix_room(group)
    await ben.say(room, "!sessions")
    await house.settle()
    assert house.said(room)[-1].splitlines()[1] == "• Wednesday 4 November at 19:00 (Berlin time)"


async def test_an_old_question_is_not_answered_any_more_but_help_is(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    await ben.say(room, "!sessions")
    await ben.say(room, "!help")
    house.clock.turn(timedelta(days=2))
    await house.settle()
    assert [text.splitlines()[0] for text in house.said(room)[1:]] == [HELP]


async def test_a_poisoned_message_is_set_aside_and_the_others_are_answered(
    any_house: Running, monkeypatch: pytest.MonkeyPatch, log: list[dict[str, object]]
) -> None:
    group = await any_house.open_group()
    ben, cleo = await any_house.member(group, BEN), await any_house.member(group, CLEO)
    room = await any_house.matrix_room(group)
    tries, answer = [], commands.answer

    async def stumble(db: object, message: object, place: object, **more: object) -> bool:
        said = await answer(db, message, place, **more)  # type: ignore[arg-type]
        if getattr(message, "sender", "") == CLEO:
            tries.append(message)
            raise KeyError("poison")
        return said

    monkeypatch.setattr(commands, "answer", stumble)
    await ben.say(room, "!help")
    poison = await cleo.say(room, "!commands")
    await ben.say(room, "!sessions")
    await any_house.settle()
    assert [text.splitlines()[0] for text in any_house.said(room)[2:]] == [HELP, SESSIONS]
    assert len(tries) == 3
    assert len([entry for entry in log if entry["event"] == "event set aside"]) == 1
    assert poison not in str(log)
    log.clear()
    await any_house.start()
    await ben.say(room, "!commands")
    await any_house.settle()
    assert any_house.said(room)[-1].startswith(COMMANDS)
    assert len(tries) == 3


async def test_what_could_not_be_read_is_answered_when_its_key_comes(any_house: Running) -> None:
    group = await any_house.open_group()
    ben = await any_house.member(group, BEN)
    room = await any_house.matrix_room(group)
    await ben.say(room, "!sessions", key_later=True)
    await any_house.settle()
    assert len(any_house.said(room)) == 1
    await any_house.start()
    await ben.send_keys()
    await any_house.settle()
    await any_house.settle()
    assert [text.splitlines()[0] for text in any_house.said(room)[1:]] == [SESSIONS]


async def test_nonsense_stops_nothing(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    await ben.send_nonsense(room)
    await ben.say(room, "!help")
    await house.settle()
    assert house.said(room)[-1].startswith(HELP)


async def test_a_facilitator_may_ask_as_well(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    room, ada = await house.matrix_room(group), house.person(ADA)
    await ada.join(room)
    await ada.say(room, "!commands")
    await house.settle()
    assert house.said(room)[-1].startswith(COMMANDS)


@pytest.mark.parametrize(("body", "first"), [("!help", HELP), ("!nonsense", UNKNOWN)])
async def test_who_asks_a_hundred_times_at_once_is_answered_and_does_not_fill_the_room(
    house: Running, body: str, first: str
) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    before = len(house.said(room))
    for _ in range(100):
        await ben.say(room, body)
    await house.settle()
    said = house.said(room)[before:]
    assert said[0].startswith(first)
    assert len(said) <= 1 + commands.SAID_ANYWAY
    house.clock.turn(timedelta(minutes=5))
    await ben.say(room, body)
    await house.settle()
    assert house.said(room)[-1].startswith(first), "and later again"
