"""The homeserver: does it answer, is its clock right, does it know the account, does it let the bot go fast enough."""

from datetime import timedelta

from deploy.doctor.asking import Answer, Homeserver
from deploy.doctor.finding import Finding, fine, note, unseen, wrong
from deploy.doctor.surroundings import Surroundings
from facilitator import figures
from facilitator.rules.wanted_room import ROOM_VERSION

NEWEST_NEEDED = "v1.11"
"""What we use is in this version of the Matrix specification and in every later one."""
SKEW = timedelta(minutes=1)
SLOW = timedelta(seconds=3)
OTHERS_MAY_TAKE_MS = 10_000


async def reachable(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """Does it answer, does it speak Matrix, what time is it there. Raises Unanswered."""
    answer = await homeserver.ask("GET", "/_matrix/client/versions", as_nobody=True)
    spoken = answer.body.get("versions")
    if not answer.fine or not isinstance(spoken, list):
        return [wrong("homeserver", "What answers there does not speak Matrix.", "Correct homeserver in [bridge].")]
    slow = note(
        "homeserver", f"It answers, after {answer.took.total_seconds():.1f} s.", "Look at the homeserver's load."
    )
    quick = fine("homeserver", "It answers.")
    return [slow if answer.took > SLOW else quick, _versions(spoken), _skew(found, answer)]


def _versions(spoken: list[object]) -> Finding:
    if any(_number(version) >= _number(NEWEST_NEEDED) for version in spoken):
        return fine("versions", "It speaks a Matrix that is new enough.")
    return wrong("versions", f"It does not speak Matrix {NEWEST_NEEDED}.", "Bring the homeserver up to date.")


def _number(version: object) -> tuple[int, ...]:
    parts = version[1:].split(".") if isinstance(version, str) and version.startswith("v") else [""]
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()


def _skew(found: Surroundings, answer: Answer) -> Finding:
    if answer.at is None:
        return unseen("clock", "The homeserver does not say what time it is.")
    skew = abs(found.clock.now() - answer.at)
    if skew > SKEW:
        return wrong(
            "clock",
            f"This machine's clock and the homeserver's differ by {skew.total_seconds():.0f} seconds.",
            "Let both be set by NTP: `timedatectl set-ntp true`. Reminders go by this machine's clock.",
        )
    return fine("clock", "Both clocks agree.")


async def token(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """Does the homeserver know the account and its device. Raises Unanswered."""
    if found.database is None:
        return [unseen("account", "Not looked at: the database is not open.")]
    bot = found.bot
    if bot is None or bot.access_token is None:
        return [wrong("account", "The bot is not signed in.", "Run `hearth setup`.")]
    answer = await homeserver.ask("GET", "/_matrix/client/v3/account/whoami")
    if answer.fine and (answer.body.get("user_id"), answer.body.get("device_id")) == (bot.user_id, bot.device_id):
        return [fine("account", "The bot is signed in, on the device it should be.")]
    if answer.fine:
        return [wrong("account", "The access token belongs to another account or device.", "Run `hearth renew`.")]
    if answer.code in ("M_UNKNOWN_TOKEN", "M_UNKNOWN_DEVICE", "M_MISSING_TOKEN"):
        return [
            wrong("account", "The homeserver has signed the bot out, or deleted its device.", "Run `hearth renew`.")
        ]
    if answer.code in ("M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED"):
        return [
            wrong("account", "The bot's account is locked or deactivated.", "Ask the homeserver's host to reopen it.")
        ]
    return [unseen("account", f"The homeserver did not say whose token it is (HTTP {answer.status}).")]


async def room_version(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """Raises Unanswered."""
    if found.bot is None or found.bot.access_token is None:
        return [unseen("room_version", "Not looked at: the bot is not signed in.")]
    answer = await homeserver.ask("GET", "/_matrix/client/v3/capabilities")
    offered = answer.part("capabilities", "m.room_versions", "available")
    if not offered:
        return [unseen("room_version", "The homeserver does not say which room versions it can make.")]
    if offered.get(ROOM_VERSION) == "stable":
        return [fine("room_version", f"It can make rooms of version {ROOM_VERSION}.")]
    says = f"It cannot make rooms of version {ROOM_VERSION}, in which nobody can take a room from the bot."
    return [note("room_version", says, "Bring the homeserver up to date. Rooms can be upgraded later.")]


async def pace(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """By what the homeserver made the bridge wait for: there is no other way to see it without admin rights."""
    if found.database is None or found.bot is None:
        return [unseen("rate_limits", "Not looked at: the database is not open or the bot not signed in.")]
    async with found.database.reading() as db:
        slowest = await figures.slowest_pace(db, found.bot.id)
    if slowest is None:
        return [fine("rate_limits", "The homeserver has not asked the bot to go slower.")]
    says = f"The homeserver lets the bot do some things only once in {slowest.total_seconds():.0f} seconds."
    mend = "Exempt it: see “Rate limits” in the handbook for hosts. Nothing is lost without, but much takes longer."
    return [note("rate_limits", says, mend)]


async def federation(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """Whether the homeserver reaches the servers of members: it is asked for the keys of one person on each. Raises
    Unanswered."""
    if found.database is None:
        return [unseen("federation", "Not looked at: the database is not open.")]
    async with found.database.reading() as db:
        others = await figures.one_on_each_server(db)
    others.pop(found.server_name, None)
    if not others:
        return [fine("federation", "All members are on the bot's own homeserver.")]
    body = {"device_keys": {user: [] for user in others.values()}, "timeout": OTHERS_MAY_TAKE_MS}
    query = {"timeout": str(OTHERS_MAY_TAKE_MS)}  # where Synapse looks for it
    answer = await homeserver.ask("POST", "/_matrix/client/v3/keys/query", body, query=query)
    if not answer.fine:
        return [unseen("federation", f"The homeserver did not look for other servers (HTTP {answer.status}).")]
    silent = sorted(others.keys() & answer.part("failures").keys())
    if silent:
        says = f"{len(silent)} of {len(others)} servers of members do not answer: {', '.join(silent)}."
        mend = "Ask their hosts, or look at this homeserver's federation (port 8448, certificate, allow-list)."
        return [wrong("federation", says, mend)]
    return [fine("federation", f"Members' servers answer ({len(others)}).")]
