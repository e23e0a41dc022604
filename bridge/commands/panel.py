"""`panel`: a fresh one-time link to sign in to the panel, said to whoever has an account and alone with them, so that
nobody who runs a group is locked out on the evening it meets.
"""

from bridge.commands.command import Call, Command, Reply
from facilitator import accounts, bots, members, pinned, rooms, sightings
from facilitator.errors import N_, TooLate
from facilitator.rules.reach import CHANGE_SHOWN


async def reply(call: Call) -> Reply:
    """The token goes into the outbox, sealed, and is wiped when it has been said; nothing else keeps it. Whoever runs
    a person's server can add a device to their account, or an identity, but not unseen: such a one gets no link. Nor
    does a device nobody has confirmed, as all are of somebody who never began: a coordinator's link is their way."""
    if not await _alone(call):
        await _offer_a_room(call)
        return Reply("panel_alone")
    changed = await pinned.latest_change(call.db, call.sender)
    if changed is not None and call.now - changed < CHANGE_SHOWN:
        return Reply("panel_new_identity")
    if not call.signed:
        return Reply("panel_not_confirmed")
    try:
        token = await accounts.panel_link(call.db, person=call.sender, now=call.now)
    except TooLate:
        return Reply("panel_often")
    if token is None:
        return Reply("panel_unknown")
    return Reply("panel_link", {"path": f"/sign-in/{token}"}, lasts=accounts.LINK_LASTS)


async def _alone(call: Call) -> bool:
    """A room of two that a person has made is theirs to ask others into."""
    if call.place.kind != "direct" or call.place.person != call.sender:
        return False
    both = [call.sender, *await bots.ours(call.db)]
    return not await sightings.others_there(call.db, call.place.id, both)


async def _offer_a_room(call: Call) -> None:
    if call.place.kind != "direct" and await members.has_account(call.db, call.sender):
        await rooms.offer_direct(call.db, await rooms.direct_with(call.db, call.sender, now=call.now))


COMMAND = Command(
    ("panel",),
    # NOTE: Follows the command’s name and a dash in a list of commands; no full stop.
    N_("said to me alone: a link to sign in to the panel"),
    reply,
    changes=True,
    everybodys=False,
)
