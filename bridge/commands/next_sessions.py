"""`!sessions`: when the group meets next."""

from bridge.commands.command import Call, Command, Reply
from facilitator import members, schedule
from facilitator.errors import N_

SHOWN = 3


async def reply(call: Call) -> Reply:
    """The next sessions of the room's group; in a direct room, of every group the person is in."""
    own = [call.place.group_id] if call.place.group_id else await members.groups_of(call.db, call.sender)
    sessions = [s for group in own for s in await schedule.upcoming(call.db, group, now=call.now, count=SHOWN)]
    soonest = sorted(sessions, key=lambda s: (s.starts, s.series))[:SHOWN]
    return Reply(
        "sessions",
        {"sessions": schedule.told(soonest)},
    )


COMMAND = Command(("sessions", "session", "meetings"), N_("when we meet next"), reply)
