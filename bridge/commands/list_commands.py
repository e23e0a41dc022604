"""`!commands`: what one can ask. (`!help` always means help.)"""

from bridge.commands.command import Call, Command, Reply
from facilitator.errors import N_


async def reply(call: Call) -> Reply:
    return Reply("commands")


# NOTE: Follows the command’s name and a dash in a list of commands; no full stop.
COMMAND = Command(("commands", "command", "menu"), N_("this list"), reply)
