"""What the journal's verbs are called in front of people: a whole sentence each, with a place for who and for whom.

A verb without words here is a bug, and a test finds it before anybody reads it.
"""

from collections.abc import Mapping

from facilitator.chronicle import Entry
from facilitator.errors import N_

DEEDS: Mapping[str, str] = {
    "account added": N_("%(whom)s got an account, made on the server."),
    "account disabled": N_("%(who)s disabled the account of %(whom)s."),
    "account enabled": N_("%(who)s enabled the account of %(whom)s again."),
    "co-facilitator added": N_("%(who)s asked %(whom)s to run the group too, as a co-facilitator."),
    "coordinator account added": N_("%(who)s made an account for %(whom)s, as a coordinator."),
    "facilitator account added": N_("%(who)s made an account for %(whom)s, as a facilitator."),
    "facilitator added": N_("%(who)s asked %(whom)s to run the group too, as a facilitator."),
    "facilitator removed": N_("%(who)s took %(whom)s off the facilitators of the group."),
    "facilitators asked back": N_("%(who)s asked facilitators who were away back into the room."),
    "facilitators told": N_("The bot told the facilitators, in their own room, that something needs them."),
    "group brought back": N_("%(who)s brought the deleted group back."),
    "group closed": N_("The bot closed the group, as had been decided."),
    "group deleted": N_("%(who)s deleted the group. It can be brought back for 30 days."),
    "group edited": N_("%(who)s changed what is said about the group."),
    "group handed over": N_("%(who)s handed the group over to %(whom)s."),
    "group kept open": N_("%(who)s decided that the group is not closed after all."),
    "group opened": N_("%(who)s opened the group."),
    "group opened, what is missing waived": N_("%(who)s let the group open without all that it should have."),
    "group paused": N_("%(who)s paused the group."),
    "group renamed in the room": N_("%(who)s gave the room another name in their own app."),
    "group resumed": N_("%(who)s went on with the group."),
    "group started": N_("%(who)s started the group."),
    "group to be closed, its room left to members": N_("%(who)s set a day to close the group; the members keep the "
                                                       "room."),
    "group to be closed, its room left to nobody": N_("%(who)s set a day to close the group and its room."),
    "identity changed": N_("The bot saw that %(whom)s confirm their devices under a new identity."),
    "identity confirmed": N_("%(who)s said that the new identity of %(whom)s is really theirs."),
    "made co-facilitator": N_("%(who)s made %(whom)s a co-facilitator of the group."),
    "made facilitator": N_("%(who)s made %(whom)s a facilitator of the group."),
    "matrix id claim dropped": N_("%(who)s took back that a Matrix ID is theirs."),
    "matrix id claimed": N_("%(who)s said that a Matrix ID is theirs, and got a code to prove it."),
    "matrix id code said": N_("%(who)s said the code to the bot from one of their two Matrix IDs."),
    "matrix id freed": N_("%(who)s unlinked the Matrix ID of %(whom)s."),
    "matrix id linked": N_("%(who)s proved that a Matrix ID is theirs. It is linked to their account."),
    "member invited": N_("%(who)s invited %(whom)s."),
    "member invited in the room": N_("%(who)s invited %(whom)s in their own app."),
    "member joined": N_("%(who)s came into the room."),
    "member left": N_("%(who)s left, or did not want to come."),
    "member readmitted": N_("%(who)s undid the removal of %(whom)s."),
    "member removed": N_("%(who)s removed %(whom)s."),
    "name put back": N_("%(who)s gave the room a name that could tell others why people meet. The bot put it back."),
    "own account changed": N_("%(who)s changed their own account."),
    "role changed to coordinator": N_("%(who)s made %(whom)s a coordinator."),
    "role changed to facilitator": N_("%(who)s made %(whom)s a facilitator, no longer a coordinator."),
    "room put back": N_("%(who)s changed the room's settings in their own app. The bot put them back."),
    "room remade": N_("The bot made a new room in place of the lost one."),
    "room renewal agreed: remake": N_("%(who)s agreed to a new room in place of the lost one."),
    "room renewal agreed: upgrade": N_("%(who)s agreed to a new room in place of the old one."),
    "room replaced": N_("The bot went on in the room that took the old one's place."),
    "room upgraded": N_("The bot moved the group to a new room."),
    "series ended": N_("%(who)s ended weekly sessions."),
    "series scheduled": N_("%(who)s planned weekly sessions."),
    "sign-in link asked for": N_("%(who)s asked the bot for a sign-in link."),
    "sign-in link made": N_("%(who)s made a sign-in link for %(whom)s."),
    "signed in": N_("%(who)s signed in."),
    "signed out everywhere else": N_("%(who)s ended their other sign-ins."),
    "stopped running the group": N_("%(who)s stopped running the group."),
    "stranger removed": N_("The bot removed somebody from the room whom nobody had asked in."),
}  # fmt: skip
BY_ONESELF: Mapping[str, str] = {
    "sign-in link made": N_("A sign-in link for %(whom)s was made on the server."),
}
"""Where somebody is both who did it and whom it was about."""

EDITED: Mapping[str, str] = {
    "name": N_("%(who)s changed the group's name."),
    "purpose": N_("%(who)s changed what is said about what the group is for."),
    "language": N_("%(who)s changed the group's language."),
    "time_zone": N_("%(who)s changed the group's city."),
}
"""Of "group edited": which field of the form it was."""

SOMETHING = N_("Something happened that this page has no words for yet.")

WHO: Mapping[str, str] = {
    # NOTE: Begins a sentence of the journal, in the place of %(who)s.
    "bot": N_("The bot"),
    # NOTE: Begins a sentence of the journal, in the place of %(who)s.
    "gone": N_("Somebody who is no longer here"),
    # NOTE: Begins a sentence of the journal, in the place of %(who)s.
    "stranger": N_("Somebody"),
    # NOTE: Begins a sentence of the journal, in the place of %(who)s.
    "member": N_("A member"),
}
"""At the beginning of a sentence, those who have no name here."""
WHOM: Mapping[str, str] = {
    # NOTE: Within a sentence of the journal, in the place of %(whom)s: write it so that it fits there.
    "bot": N_("the bot"),
    # NOTE: Within a sentence of the journal, in the place of %(whom)s: write it so that it fits there.
    "gone": N_("somebody who is no longer here"),
    # NOTE: Within a sentence of the journal, in the place of %(whom)s: write it so that it fits there.
    "stranger": N_("somebody"),
    # NOTE: Within a sentence of the journal, in the place of %(whom)s: write it so that it fits there.
    "member": N_("a member"),
}

NOT_RECORDED = (
    # NOTE: An item of the list “What is not recorded”; no sentence.
    N_("what members write, to each other or to the bot"),
    # NOTE: An item of the list “What is not recorded”; no sentence.
    N_("who reads what, and who looks at this panel when"),
    # NOTE: An item of the list “What is not recorded”; no sentence.
    N_("who comes to a session, who speaks there, and for how long"),
    # NOTE: An item of the list “What is not recorded”; no sentence.
    N_("who asks for help, and why"),
    # NOTE: An item of the list “What is not recorded”; no sentence.
    N_("how somebody is, what they take, or how long they have been without it"),
    # NOTE: An item of the list “What is not recorded”; no sentence.
    N_("where people are, which devices they use, or what they are really called"),
)


def of(entry: Entry) -> str:
    """The sentence for an entry; `who` and `whom` have their places in it."""
    if entry.verb == "group edited":
        return EDITED.get(entry.detail or "", DEEDS[entry.verb])
    same = entry.subject is not None and entry.subject == entry.actor
    return (BY_ONESELF if same else {}).get(entry.verb) or DEEDS.get(entry.verb, SOMETHING)
