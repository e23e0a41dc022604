"""What the homeserver's settings tell strangers about members. Hearth cannot change them; their host can.

For most there is no question to ask a homeserver, so it is tried from outside, as a stranger's app would see it.
"""

from deploy.doctor.asking import Homeserver
from deploy.doctor.finding import Finding, fine, note, unseen, wrong
from deploy.doctor.surroundings import Surroundings
from facilitator.rules.server_name import telling_word

EVERYBODY = ("a", "e", "i", "o", "u", "n")
"""Letters whose search shows whether people can be found who share no room with the bot."""
NOWHERE = "http://localhost/"


def server_name(found: Surroundings) -> list[Finding]:
    """It stands in every member's id, for ever."""
    told = telling_word(found.server_name)
    if told:
        says = f"The server name {found.server_name} says what members have in common (“{told}”): it is in their id."
        mend = "It cannot be changed. Move to a server with a neutral name before you invite people."
        return [wrong("server_name", says, mend)]
    return [fine("server_name", "The server name says nothing about members.")]


async def presence(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """Tried with the bot's own. Raises Unanswered."""
    if found.bot is None or found.bot.access_token is None:
        return [unseen("presence", "Not looked at: the bot is not signed in.")]
    address = f"/_matrix/client/v3/presence/{found.bot.user_id}/status"
    told = await homeserver.ask("PUT", address, {"presence": "unavailable"})
    shown = await homeserver.ask("GET", address)
    await homeserver.ask("PUT", address, {"presence": "offline"})
    if not (told.fine and shown.fine):
        return [fine("presence", "The homeserver shows nobody who is online.")]
    if shown.body.get("presence") == "offline":
        return [fine("presence", "The homeserver shows nobody who is online.")]
    says = "Members see when each other are online, at night too."
    return [note("presence", says, "In Synapse: `presence: {enabled: false}`.")]


async def user_directory(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """Whether somebody can be found by name without sharing a room. Raises Unanswered."""
    if found.bot is None or found.bot.access_token is None:
        return [unseen("user_directory", "Not looked at: the bot is not signed in.")]
    if await _seen(homeserver) - await _met(found, homeserver):
        says = "Anybody on the server can find everybody else by name."
        mend = "In Synapse: `user_directory: {enabled: false}`, or at least `search_all_users: false`."
        return [note("user_directory", says, mend)]
    return [fine("user_directory", "People who share no room are not found by name.")]


async def _seen(homeserver: Homeserver) -> set[str]:
    seen: set[str] = set()
    for letter in EVERYBODY:
        search = {"search_term": letter, "limit": 50}
        answer = await homeserver.ask("POST", "/_matrix/client/v3/user_directory/search", search)
        results = answer.body.get("results")
        if isinstance(results, list):
            seen |= {str(one.get("user_id")) for one in results if isinstance(one, dict)}
    return seen


async def _met(found: Surroundings, homeserver: Homeserver) -> set[str]:
    """Everybody in a room with the bot: whom it finds by right."""
    assert found.bot is not None
    met = {str(found.bot.user_id)}
    rooms = (await homeserver.ask("GET", "/_matrix/client/v3/joined_rooms")).body.get("joined_rooms")
    for room in rooms if isinstance(rooms, list) else []:
        joined = await homeserver.ask("GET", f"/_matrix/client/v3/rooms/{room}/joined_members")
        met |= set(joined.body.get("joined") or {})
    return met


async def url_previews(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """A link in an encrypted room shown as a preview is told to the homeserver. Raises Unanswered."""
    if found.bot is None or found.bot.access_token is None:
        return [unseen("url_previews", "Not looked at: the bot is not signed in.")]
    answer = await homeserver.ask("GET", "/_matrix/client/v1/media/preview_url", query={"url": NOWHERE})
    if answer.code == "M_UNRECOGNIZED":
        return [fine("url_previews", "The homeserver makes no previews of links.")]
    says = "The homeserver makes previews of links: it then learns which links are shared in encrypted rooms."
    return [note("url_previews", says, "In Synapse: `url_preview_enabled: false`.")]


def retention(found: Surroundings) -> list[Finding]:
    """No homeserver tells its clients."""
    says = "How long the homeserver keeps messages cannot be seen from here. They are encrypted; who wrote when is not."
    return [unseen("retention", f"{says} In Synapse, look for `retention:` and `redaction_retention_period:`.")]
