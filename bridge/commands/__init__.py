"""What people can ask the bot. One file per command, one list; a command only answers, its Reply goes to the outbox."""

from datetime import datetime, timedelta

from bridge.commands import help_now, list_commands, next_sessions
from bridge.commands.command import Asked, Call, Command, Reply, asked
from bridge.heard import Message
from facilitator import outbox
from facilitator.database import Db
from facilitator.ids import ActId, because
from facilitator.outbox import Priority
from facilitator.rooms import Place

COMMANDS: tuple[Command, ...] = (list_commands.COMMAND, help_now.COMMAND, next_sessions.COMMAND)
"""By name."""

NOT_REPEATED_WITHIN = timedelta(minutes=2)
STALE = timedelta(days=1)


async def answer(db: Db, message: Message, place: Place, *, now: datetime) -> None:
    """Answer a message that is a command; leave all others alone.

    Obeyed only from a device of its sender: a homeserver can forge a sender, never a key. Help is always answered,
    also late, also in clear: nothing is done by it but telling people where help is.
    """
    wish = asked(message.body, direct=place.kind == "direct")
    if wish is None:
        return
    command = next((c for c in COMMANDS if wish.word in c.words), None)
    urgent = command is help_now.COMMAND
    if not urgent and (not message.bound or now - message.sent_at > STALE):
        return
    call = Call(db, place, message.sender, message.sent_at, now)
    reply = await command.reply(call) if command else _unknown(wish)
    if reply is not None:
        await outbox.put(
            db, _cause(message, place, urgent=urgent), place.id, utterance=reply.utterance,
            parameters=reply.parameters, priority=Priority.HELP if urgent else Priority.REPLY, now=now,
        )  # fmt: skip


def _cause(message: Message, place: Place, *, urgent: bool) -> ActId:
    """A reply is caused by its question; the help card by a person asking in a room, once in two minutes."""
    if not urgent:
        return because("reply", message.event_id)
    return because("help", place.id, message.sender, int(message.sent_at.timestamp() // NOT_REPEATED_WITHIN.seconds))


def _unknown(wish: Asked) -> Reply | None:
    return Reply("unknown_command") if wish.marked else None
