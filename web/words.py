"""What the codes of the domain are called in front of people: how a room is, how an invitation is, and what is next."""

from collections.abc import Mapping, Sequence

from facilitator.errors import N_
from facilitator.groups import RoomState
from facilitator.roster import MemberLine
from facilitator.rules.reach import Health

ROOM_STATES: Mapping[str, str] = {
    "up_to_date": N_("Up to date"),
    "catching_up": N_("Catching up"),
    "in_trouble": N_("In trouble"),
}

UP_TO_DATE = N_("The room is there, encrypted, and as it should be.")
THERE = N_("The room is there and encrypted.")
"""Of a room that is up to date, when there is still something to tell of it."""

CATCHING_UP = N_("The bot is setting up the room or bringing it in line with what you changed.")
SOME_TROUBLE = N_("Something about the room does not work as it should.")

ROOM_TROUBLES: Mapping[str, str] = {
    "homeserver_unreachable": N_("The chat server does not answer just now."),
    "homeserver_slow_down": N_("The chat server asked the bot to go slower."),
    "signed_out": N_("The chat server no longer accepts the bot's sign-in."),
    "room_refused": N_("The chat server would not let the bot make or change this room."),
    "room_lost": N_("The bot is no longer in the room: somebody removed it, or the room was closed on the server."),
    "room_moved": N_("Another room has taken this one's place, and the bot was not invited to it."),
    "room_closed": N_("Somebody has closed this room, or put another one in its place, who may not decide that."),
    "no_power": N_("The bot has lost some of its rights in the room, so it cannot look after all of it."),
    "not_encrypted": N_("The room turned out not to be encrypted, so the bot says nothing in it."),
    "no_bridge": N_("The program that looks after the rooms is not running."),
}

NEXT: Mapping[str, str] = {
    "up_to_date": "",
    "catching_up": N_("This usually takes a few seconds. You can go on working here in the meantime."),
    "homeserver_unreachable": N_("The bot keeps trying by itself. Nothing you entered here is lost."),
    "homeserver_slow_down": N_("It goes on by itself in a few minutes. Nothing is lost."),
    "signed_out": N_("Please tell whoever hosts this panel: the bot has to be signed in again."),
    "room_refused": N_("The bot tries again by itself. If this stays, tell whoever hosts this panel."),
    "room_lost": N_("Members can still write to each other. What the bot has to say there waits. Nothing new is made "
                    "without your word."),
    "room_moved": N_("Whoever made the new room can invite the bot to it. It then goes on there by itself."),
    "room_closed": N_("The bot stays where it is. Please talk it over with the other facilitators, and tell whoever "
                      "hosts this panel."),
    "no_power": N_("Whoever made the room can give the bot the rights of an administrator there. Please tell whoever "
                   "hosts this panel."),
    "not_encrypted": N_("Please tell whoever hosts this panel, and ask members not to write there for now."),
    "no_bridge": N_("What you enter here is kept and will be done once it runs again. Please tell whoever hosts this "
                    "panel."),
}  # fmt: skip
SOME_NEXT = N_("The bot tries again by itself. If this stays, tell whoever hosts this panel.")

STANDINGS: Mapping[str, str] = {
    "invited": N_("Invited, not in the room yet"),
    "joined": N_("In the room"),
    # NOTE: How somebody stands with the group: they have gone. Not a direction.
    "left": N_("Left"),
    # NOTE: How somebody stands with the group: a facilitator removed them.
    "removed": N_("Removed"),
}
CAN_READ: Mapping[str, str] = {
    Health.READS: N_("In the room, can read"),
    Health.SOME_UNSIGNED: N_("In the room, can read on some devices"),
    Health.SOME_UNREACHED: N_("In the room, can read on some devices"),
    Health.ONLY_UNSIGNED: N_("In the room, cannot read yet"),
    Health.UNREACHED: N_("In the room, cannot read yet"),
    Health.NO_DEVICES: N_("In the room, cannot read yet"),
    Health.SERVER_SILENT: N_("In the room, perhaps cannot read"),
    Health.NOT_READ: N_("In the room, but the bot cannot read them"),
    Health.IDENTITY_CHANGED: N_("In the room, with a new identity"),
}
"""How somebody in the room stands with its encryption; whoever was not asked about yet is just there."""

NEXT_TO_READ: Mapping[str, str] = {
    Health.SOME_UNSIGNED: N_("One of their devices is not confirmed yet. Ask them to open the settings of their app "
                             "there and look for “Verify” or “Confirm this device”. If they no longer use it, they can "
                             "sign it out."),
    Health.SOME_UNREACHED: N_("One of their devices has been away for long. If they still use it, ask them to open the "
                              "app there for a minute."),
    Health.ONLY_UNSIGNED: N_("Their device is not confirmed yet. Ask them to open the settings of their app, look for "
                             "“Verify”, “Confirm this device” or “Set up recovery”, and follow it to the end. They "
                             "then read what is written from that moment on."),
    Health.UNREACHED: N_("Their app has been away for long. Ask them to open it for a minute; the bot then tries again "
                         "by itself."),
    Health.NO_DEVICES: N_("They are not signed in with an app that reads encrypted rooms. Ask them to sign in with an "
                          "up-to-date Matrix app and to finish its first steps."),
    Health.SERVER_SILENT: N_("Their server does not answer just now, so the bot does not know. It keeps asking by "
                             "itself."),
    Health.NOT_READ: N_("Their app does not give the bot the key to what they write, so it cannot answer them, not "
                        "even “!help”. Ask them to close the app, open it again and write something. If that changes "
                        "nothing: sign out and in again, with their recovery key at hand."),
    Health.IDENTITY_CHANGED: N_("Their devices are confirmed under a new identity. That happens when somebody begins "
                                "anew, after losing their recovery key for example. Ask them in another way, by phone "
                                "perhaps, whether it was them. If it was not, remove them from the room."),
}  # fmt: skip
"""What a facilitator can pass on, whatever app the member uses."""

YOURSELF: Mapping[str, str] = {
    Health.SOME_UNSIGNED: N_("One of your own devices is not confirmed and cannot read this room. Open the settings of "
                             "your app there and look for “Verify” or “Confirm this device”."),
    Health.ONLY_UNSIGNED: N_("You cannot read this room yet, since your device is not confirmed. Open the settings of "
                             "your app and look for “Verify”, “Confirm this device” or “Set up recovery”."),
    Health.NO_DEVICES: N_("You cannot read this room yet. Sign in with an up-to-date Matrix app and finish its first "
                          "steps."),
}  # fmt: skip

NOT_THERE = N_("Not in the room any more")
WHY_NOT_THERE = N_("They were in the room, and are not in it now. The bot did not hear them leave: perhaps their "
                   "server and others did not agree for a moment. Ask them in another way whether they would like to "
                   "come back.")  # fmt: skip
NOT_REACHED = N_("Invitation not delivered")
ON_ITS_WAY = N_("Invitation on its way")

MEMBER_TROUBLES: Mapping[str, str] = {
    "banned": N_("They are banned from the room. Lift the ban in your own Matrix app, then invite them again here."),
    "forbidden": N_("They, or their server, do not accept invitations from here. Ask them to allow invitations, then "
                    "invite them again."),
    "unknown_person": N_("Their server knows nobody of this name. Please check the spelling with them, then invite "
                         "them again."),
    "unknown_server": N_("That chat server is not known, or cannot be reached from here. Please check the part after "
                         "the colon, then invite them again."),
    "slow_down": N_("The chat server asked for a pause between invitations. This one goes out by itself."),
    "unreachable": N_("Their server does not answer just now, or there is none of that name: please check the part "
                      "after the colon. The bot keeps trying by itself."),
}  # fmt: skip
SOME_MEMBER_TROUBLE = N_("The invitation could not be delivered. The bot keeps trying by itself.")

BY_THEMSELVES = ("slow_down", "unreachable")


def of_room(room: RoomState, all_well: bool) -> str:
    """How the room is, as a sentence. `all_well`: nothing stands below it that it would belie."""
    if room.state == "in_trouble":
        return ROOM_TROUBLES.get(room.trouble or "", SOME_TROUBLE)
    if room.state == "catching_up":
        return CATCHING_UP
    return UP_TO_DATE if all_well else THERE


def next_of_room(room: RoomState) -> str:
    """What happens next, and what to do if anything."""
    return NEXT.get(room.trouble or room.state, SOME_NEXT)


def of_member(member: MemberLine) -> str:
    """How somebody stands with the group."""
    if member.standing == "invited" and member.trouble is not None:
        return ON_ITS_WAY if member.trouble in BY_THEMSELVES else NOT_REACHED
    if member.gone is not None:
        return NOT_THERE
    if member.standing == "joined" and member.health is not None:
        return CAN_READ.get(member.health, STANDINGS["joined"])
    return STANDINGS.get(member.standing, member.standing)


def next_to_read(member: MemberLine) -> str:
    """What would let them read, or be read; empty when all is well or nothing is known."""
    return NEXT_TO_READ.get(member.health, "") if member.health is not None else ""


def hints(roster: Sequence[MemberLine]) -> list[list[MemberLine]]:
    """Those whom something would let read, or be read: together where the same is passed on to them."""
    found: dict[str, list[MemberLine]] = {}
    for member in roster:
        if sentence := next_to_read(member):
            found.setdefault(sentence, []).append(member)
    return list(found.values())


def none_can_read(roster: Sequence[MemberLine]) -> bool:
    """Everybody who needs a hint is known to read nothing; otherwise less may truthfully be said of them."""
    return all(of_member(member) == CAN_READ[Health.ONLY_UNSIGNED] for each in hints(roster) for member in each)


def is_stuck(member: MemberLine) -> bool:
    """They do not come into the room until somebody does something."""
    return member.gone is not None or (member.trouble is not None and member.trouble not in BY_THEMSELVES)


def reason_of_member(member: MemberLine) -> str:
    """Why they are not in the room, and the mend; empty when there is nothing to say."""
    if member.gone is not None:
        return WHY_NOT_THERE
    return MEMBER_TROUBLES.get(member.trouble, SOME_MEMBER_TROUBLE) if member.trouble else ""
