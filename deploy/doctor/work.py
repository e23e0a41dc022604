"""What lies undone: acts that were not said, rooms in trouble, messages the bot cannot read."""

from datetime import timedelta

from deploy.doctor.finding import Finding, fine, note, unseen, wrong
from deploy.doctor.surroundings import Surroundings
from facilitator import figures
from facilitator.figures import Figures

WAITS_LONG = timedelta(minutes=15)
PASSING = frozenset({"none", "not_made_yet", "homeserver_slow_down", "homeserver_unreachable"})
"""What goes away without anybody doing anything about the room."""


async def undone(found: Surroundings) -> list[Finding]:
    if found.database is None or found.bot is None:
        why = "the database is not open" if found.database is None else "the bot is not signed in"
        return [unseen(check, f"Not looked at: {why}.") for check in ("acts", "rooms", "obstacles", "unreadable")]
    async with found.database.reading() as db:
        counted = await figures.of_bot(db, found.bot.id, now=found.clock.now())
    return [_acts(counted), _rooms(counted), _obstacles(counted), _unread(counted), _set_aside(counted)]


def _acts(counted: Figures) -> Finding:
    oldest = max((waiting.oldest for waiting in counted.waiting.values()), default=timedelta())
    unsaid = sum(counted.settled.get(outcome, 0) for outcome in ("failed", "uncertain"))
    if oldest > WAITS_LONG:
        number = sum(waiting.number for waiting in counted.waiting.values())
        says = f"{number} messages wait to be said, one for {oldest.total_seconds() / 60:.0f} minutes."
        return wrong("acts", says, "If the bridge runs and hears, look at its log for “act”.")
    if unsaid:
        says = f"{unsaid} messages could not be said, or nobody knows whether they were."
        return note("acts", says, "The group's page says what to do.")
    return fine("acts", "Everything that was to be said is said.")


def _rooms(counted: Figures) -> Finding:
    troubles = {trouble: number for trouble, number in counted.rooms.items() if trouble not in PASSING}
    if troubles:
        told = ", ".join(f"{number} × {trouble}" for trouble, number in sorted(troubles.items()))
        return wrong("rooms", f"Rooms are in trouble: {told}.", "Each group's page says what happened and what to do.")
    return fine("rooms", f"No room is in trouble ({sum(counted.rooms.values())}).")


def _obstacles(counted: Figures) -> Finding:
    """What a room is that no step of the bridge can change, in the room as it stands."""
    if counted.obstacles:
        told = ", ".join(f"{number} × {code}" for code, number in sorted(counted.obstacles.items()))
        mend = "A facilitator can move the group to a new room on its page, when it suits the group."
        return note("obstacles", f"Rooms are not all they should be: {told}.", mend)
    return fine("obstacles", "Every room is of the kind it should be.")


def _unread(counted: Figures) -> Finding:
    if counted.unread:
        says = f"{counted.unread} messages could not be read yet: their keys did not come."
        return note(
            "unreadable", says, "They are read when the key comes. The groups' pages say whose apps to look at."
        )
    return fine("unreadable", "The bot can read what is said to it.")


def _set_aside(counted: Figures) -> Finding:
    if counted.set_aside:
        says = f"{counted.set_aside} events failed three times and were left alone."
        return note("set_aside", says, "Look at the bridge's log for “event set aside” and report it as a bug.")
    return fine("set_aside", "No event was left alone.")
