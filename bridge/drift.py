"""What has become of a room that should not have: who did it is noted, and whose word it may be all the same.

A rename is a facilitator's word; whoever came uninvited is put out, once there was time to hear who asked them in.
"""

from collections.abc import Sequence
from dataclasses import replace

from bridge.house import House
from bridge.matrix.homeserver import FoundRoom, Remove, SetState, Step
from bridge.wording import catalogue
from facilitator import groups, journal, members, strangers
from facilitator.errors import N_
from facilitator.ids import GroupId, because
from facilitator.rules import names
from facilitator.rules.wanted_room import WantedRoom
from facilitator.strangers import Uninvited

AT_MOST = 50
"""Strangers looked into with one look; the others' turn comes with the next."""
FAREWELL = N_(
    "This room is only for people its facilitators invited. If you belong here, please ask them to invite you."
)
"""What somebody nobody asked in reads when they are put out. It stands in clear on servers."""
BACKSTAGE_FAREWELL = N_("This room is for those who look after the group now. Thank you for the time you gave it.")
# translators: what the room is called in which the bot tells facilitators what needs them. It stands in clear on
# servers and lock screens: it must not say what the group is for, and leave room for its name.
BACKSTAGE = N_("%(group)s: facilitators")


async def uninvited(house: House, wanted: WantedRoom, found: FoundRoom) -> tuple[WantedRoom, Uninvited]:
    """The room as it should be, without the strangers whose moment is over; and who they are."""
    if wanted.known is None:
        return wanted, Uninvited()
    there = {user for user, is_now in found.members.items() if is_now in ("join", "invite", "knock")}
    people = sorted(there - wanted.known - wanted.unwelcome)[:AT_MOST]
    if not people:
        return wanted, Uninvited()
    async with house.database.reading() as db:
        among = await strangers.among(db, wanted.marker, people, now=house.clock.now())
    return replace(wanted, unwelcome=wanted.unwelcome | among.due), among


def kindly(step: Remove, wanted: WantedRoom, among: Uninvited) -> Remove:
    """Putting out with the words for it. Somebody a person has decided about reads none: the facilitators have said
    what there was to say, and that nobody had invited them would not be true."""
    if wanted.backstage_of is None and step.user not in among.strangers:
        return step
    words = FAREWELL if wanted.backstage_of is None else BACKSTAGE_FAREWELL
    return replace(step, reason=catalogue(wanted.language).gettext(words))


def in_its_language(wanted: WantedRoom) -> WantedRoom:
    """The room as it is called where its group's language is spoken."""
    if wanted.backstage_of is None:
        return wanted
    called = names.of_backstage(wanted.backstage_of, catalogue(wanted.language).gettext(BACKSTAGE))
    return replace(wanted, name=called)


async def renamed(house: House, group_id: GroupId | None, wanted: WantedRoom, found: FoundRoom) -> bool:
    """Whether another name than the wanted one is the group's from now on."""
    by = found.set_by.get("m.room.name")
    if group_id is None or by is None or found.name is None or found.name == wanted.name:
        return False
    if by.user == house.homeserver.user_id or wanted.backstage_of is not None:
        return False
    async with house.database.transaction() as db:
        return await groups.renamed_on_matrix(
            db, group_id, found.name, by=by.user, because_of=by.event_id, now=house.clock.now()
        )


async def note(house: House, group_id: GroupId | None, found: FoundRoom, steps: Sequence[Step]) -> None:
    """Write down, once for each, what is about to be put back and who had changed it."""
    us, now = house.homeserver.user_id, house.clock.now()
    put_back = [step.type for step in steps if isinstance(step, SetState)]
    changed = [(type_, by) for type_ in put_back if (by := found.set_by.get(type_)) and by.user != us]
    if not changed:
        return
    async with house.database.transaction() as db:
        for type_, by in changed:
            await journal.note_once(
                db,
                because("drift", by.event_id),
                "room put back",
                actor=await members.who(db, group_id, by.user),
                group_id=group_id,
                subject=type_,
                now=now,
            )
