"""A code said to the bot alone, as the panel shows it to whoever names a Matrix ID as theirs. No word calls it: the
code is all there is to say.
"""

from bridge.commands.command import Call, Command, Reply
from facilitator import claims, members


async def reply(call: Call) -> Reply | None:
    """What came of it, as a sentence; to a member of whom no code was asked, and who just hums, nothing."""
    code = claims.code_in(call.text) or ""
    outcome = await claims.said(call.db, person=call.sender, code=code, now=call.now)
    if outcome is claims.Outcome.NONE and not await members.has_account(call.db, call.sender):
        return None
    return Reply("code_said", {"outcome": outcome.name})


COMMAND = Command((), "", reply, changes=True, everybodys=False)
