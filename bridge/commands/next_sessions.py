"""`!sessions`: when the group meets next."""

from bridge.commands.command import Call, Command, Reply
from facilitator import lives, members, schedule
from facilitator.errors import N_

SHOWN = 3


async def reply(call: Call) -> Reply:
    """The next sessions of the room's group; in a direct room, of every group the person is in. Where there is none
    since the group pauses, or has not begun, that is said."""
    own = [call.place.group_id] if call.place.group_id else await members.groups_of(call.db, call.sender)
    sessions = [s for group in own for s in await schedule.upcoming(call.db, group, now=call.now, count=SHOWN)]
    soonest = sorted(sessions, key=lambda s: (s.starts, s.series))[:SHOWN]
    resting = await lives.resting(call.db, own) if not soonest else None
    return Reply("sessions", {"sessions": schedule.told(soonest)} | ({"resting": resting} if resting else {}))


# NOTE: Follows the command’s name and a dash in a list of commands; no full stop.
COMMAND = Command(("sessions", "session", "meetings"), N_("when we meet next"), reply)
