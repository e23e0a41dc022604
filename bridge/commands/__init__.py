"""What people can ask the bot. One file per command, one list; a command only answers, its Reply goes to the outbox."""

from datetime import datetime, timedelta

from bridge.commands import help_now, list_commands, next_sessions, panel, said_code
from bridge.commands.command import Asked, Call, Command, Reply, asked
from bridge.heard import Message
from facilitator import claims, members, outbox, rooms
from facilitator.database import Db
from facilitator.ids import RoomId, because
from facilitator.outbox import Priority
from facilitator.rooms import Place

COMMANDS: tuple[Command, ...] = (list_commands.COMMAND, help_now.COMMAND, panel.COMMAND, next_sessions.COMMAND)
"""By name."""

NOT_REPEATED_WITHIN = timedelta(minutes=2)
STALE = timedelta(days=1)
SAID_ANYWAY = 3
"""Answers of one kind that wait to be said in a room: they come after whatever is asked meanwhile, and answer it too.
Somebody who asks a thousand times does not make the room unreadable."""


def listed(*, for_facilitators: bool = False) -> list[tuple[str, str]]:
    """Name and sentence of the commands everybody reads of, or of those only who runs a group does, by name."""
    return sorted((each.words[0], each.about) for each in COMMANDS if each.everybodys is not for_facilitators)


def is_talk(message: Message) -> bool:
    """Whether it is no command wherever it was said: nothing comes of it."""
    asks = any(asked(message.body, direct=direct) for direct in (True, False))
    return not asks and claims.code_in(message.body) is None


async def answer(db: Db, message: Message, place: Place, *, now: datetime) -> bool:
    """Answer a message that is a command; leave all others alone. Returns whether there is anything to say.

    Obeyed only from a device of its sender: a homeserver can forge a sender, never a key. Help is always answered,
    also late, also in clear: nothing is done by it but telling people where help is.
    """
    wish = asked(message.body, direct=place.kind == "direct")
    command = _meant(wish, message, place)
    if command is None and (wish is None or not wish.marked):
        return False
    urgent = command is help_now.COMMAND
    if not urgent and (not message.bound or now - message.sent_at > STALE):
        return False
    if urgent:
        await _help(db, message, place, now=now)
        return True
    act = because("reply", *message.cause)
    if command is not None and command.changes and await outbox.known(db, [act]):
        return False
    call = Call(db, place, message.sender, message.sent_at, now, message.signed, message.body)
    reply = await command.reply(call) if command is not None else Reply("unknown_command")
    if reply is None or await outbox.waiting_to_say(db, place.id, reply.utterance) >= SAID_ANYWAY:
        return False
    return await outbox.put(
        db, act, place.id, utterance=reply.utterance, parameters=reply.parameters, priority=Priority.REPLY, now=now,
        not_after=None if reply.lasts is None else now + reply.lasts,
    )  # fmt: skip


def _meant(wish: Asked | None, message: Message, place: Place) -> Command | None:
    """The command that was asked for; a code is one, alone with the bot, when it is no other."""
    named = None if wish is None else next((each for each in COMMANDS if wish.word in each.words), None)
    is_code = named is None and place.kind == "direct" and claims.code_in(message.body) is not None
    return said_code.COMMAND if is_code else named


async def _help(db: Db, message: Message, place: Place, *, now: datetime) -> None:
    """Where it was asked; and if the device that asked may not read there, because its owner has not confirmed it, in
    the person's own room with the bot as well, where every device of theirs can."""
    asked_in = [place.id]
    if place.kind != "direct" and not message.signed and await members.groups_of(db, message.sender):
        alone = await rooms.direct_with(db, message.sender, now=now)
        await rooms.offer_direct(db, alone)
        asked_in.append(alone)
    for room_id in asked_in:
        await _help_card(db, message, room_id, now=now)


async def _help_card(db: Db, message: Message, room_id: RoomId, *, now: datetime) -> None:
    """The card itself, or where it stands already a line with the number: each call is answered, no wall is built."""
    repeated = await outbox.said_lately(db, room_id, "help", since=now - NOT_REPEATED_WITHIN)
    if repeated and await outbox.waiting_to_say(db, room_id, "help_again") >= SAID_ANYWAY:
        return
    await outbox.put(
        db, because("help", *message.cause, room_id), room_id, utterance="help_again" if repeated else "help",
        parameters={}, priority=Priority.HELP, now=now,
    )  # fmt: skip
