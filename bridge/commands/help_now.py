"""`!help`: where help is, at once, for anybody, whatever else is the matter. Numbers come first."""

from bridge.commands.command import CALLS_FOR_HELP, Call, Command, Reply
from facilitator.errors import N_


async def reply(call: Call) -> Reply:
    return Reply("help")


# NOTE: Follows the command’s name and a dash in a list of commands; no full stop.
COMMAND = Command(("help", *CALLS_FOR_HELP), N_("numbers to call or write to, right now"), reply)
