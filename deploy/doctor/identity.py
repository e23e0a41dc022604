"""The bot's identity: is its device signed, is the chain what it was made to be, are its keys the latest."""

from collections.abc import Mapping
from typing import Any

from bridge.matrix import generation, screening
from bridge.matrix.homeserver import TryLater
from bridge.matrix.keystore import Damaged
from bridge.matrix.our_keys import ONE_TIME
from deploy.doctor.asking import Homeserver
from deploy.doctor.finding import Finding, fine, note, unseen, wrong
from deploy.doctor.surroundings import Surroundings
from facilitator import bots
from facilitator.bots import Bot
from facilitator.errors import Misconfigured

FEW = 10
"""One-time keys; the bridge makes new ones long before."""
NOTHING_OF_ROOMS = '{"room":{"rooms":[]},"presence":{"not_types":["*"]},"account_data":{"not_types":["*"]}}'
STRANGER = (
    "Either somebody reset it in another app, or someone is pretending. Find out which before you go on: sign every "
    "other app out of the bot's account, then see “When the bot has to begin anew” in the handbook for hosts."
)


async def chain(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """master key → self-signing key → device, as any member's app checks it. Raises Unanswered."""
    bot = found.bot
    if bot is None or bot.device_id is None:
        return [unseen("identity", "Not looked at: the bot is not signed in.")]
    answer = await homeserver.ask("POST", "/_matrix/client/v3/keys/query", {"device_keys": {bot.user_id: []}})
    if not answer.fine:
        return [unseen("identity", f"The homeserver did not show the bot's keys (HTTP {answer.status}).")]
    return [_master(answer.body, bot), _device(answer.body, bot)]


def _master(shown: Mapping[str, Any], bot: Bot) -> Finding:
    theirs = screening.cross_signing_key(shown, bot.user_id, "master")
    if bot.master_key is None:
        return wrong("identity", "The bot has no identity yet.", "Run `hearth setup`, or start the bridge once.")
    if theirs is None:
        return wrong("identity", "The homeserver shows no identity for the bot.", "Start the bridge: it publishes it.")
    if theirs != bot.master_key:
        return wrong("identity", "The homeserver shows another identity for the bot than the one it made.", STRANGER)
    return fine("identity", "The homeserver shows the identity the bot made.")


def _device(shown: Mapping[str, Any], bot: Bot) -> Finding:
    devices = screening.usable_devices(shown).get(bot.user_id, {})
    if bot.device_id not in devices:
        return wrong("device", "The homeserver shows no keys of the bot's device.", "Run `hearth renew`.")
    if bot.device_id not in screening.signed_devices(shown, bot.user_id, devices):
        says = "The bot's device is not signed by its identity: strict apps neither show its messages nor answer it."
        return wrong("device", says, "Start the bridge again: it signs its device. If that stays, run `hearth renew`.")
    stale = len(devices) - 1
    if stale:
        says = f"The bot's device is signed. The account has {stale} more, which get the keys of its rooms too."
        return note("device", says, "Sign them out in an app, if they are not meant to be.")
    return fine("device", "The bot's device is signed by its identity, and the only one.")


async def key_store(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """Whether the device's keys are here, and the latest there are: the mark on the server is one we know. Raises
    Unanswered."""
    bot = found.bot
    if bot is None or bot.device_id is None or found.keys is None:
        return [unseen("key_store", "Not looked at: the bot is not signed in.")]
    try:
        are_here = found.keys.holds(bot.user_id, bot.device_id)
    except Damaged as damaged:
        return [wrong("key_store", damaged.sentence, "Run `hearth renew`, never put back an old `keystore.db`.")]
    except Misconfigured as unreadable:
        return [wrong("key_store", unreadable.sentence, "Mend the disk or the file's owner, then start again.")]
    except TryLater:
        return [unseen("key_store", "Not looked at: another process has the key store locked just now.")]
    if not are_here:
        says = "The encryption keys of the bot's device are lost."
        return [wrong("key_store", says, "Run `hearth renew`: it makes a new device with the same identity.")]
    answer = await homeserver.ask("GET", f"/_matrix/client/v3/user/{bot.user_id}/account_data/{generation.TYPE}")
    if answer.fine and answer.body.get("mark") not in await _marks(found):
        says = "The key store is not the latest: it comes from an old copy, or another bridge uses the account."
        return [wrong("key_store", says, "Stop the other bridge if there is one, then run `hearth renew`.")]
    return [fine("key_store", "The encryption keys are here, and the latest.")]


async def _marks(found: Surroundings) -> tuple[str, ...]:
    """Read after the server's: the bridge writes them down before it shows them, and may just have done so."""
    assert found.database is not None and found.bot is not None
    async with found.database.reading() as db:
        bot = await bots.known(db, found.bot.user_id)
    return bot.marks if bot else ()


async def one_time_keys(found: Surroundings, homeserver: Homeserver) -> list[Finding]:
    """An upload of nothing says how many are left; a /sync without a cursor whether the fallback key was used. Neither
    changes anything. Raises Unanswered."""
    if found.bot is None or found.bot.access_token is None:
        return [unseen("one_time_keys", "Not looked at: the bot is not signed in.")]
    left = await homeserver.ask("POST", "/_matrix/client/v3/keys/upload", {})
    counts = left.body.get("one_time_key_counts")
    if not left.fine or not isinstance(counts, dict):
        return [unseen("one_time_keys", f"The homeserver did not say how many are left (HTTP {left.status}).")]
    query = {"timeout": "0", "set_presence": "offline", "filter": NOTHING_OF_ROOMS}
    sync = await homeserver.ask("GET", "/_matrix/client/v3/sync", query=query)
    return [_count(counts.get(ONE_TIME)), _fallback(sync.body.get("device_unused_fallback_key_types"))]


def _count(left: object) -> Finding:
    number = left if isinstance(left, int) else 0
    if number < FEW:
        says = f"The homeserver holds {number} one-time keys of the bot. Without any, new apps cannot write to it."
        return wrong("one_time_keys", says, "The bridge makes new ones while it runs: start it and look again.")
    return fine("one_time_keys", f"The homeserver holds {number} one-time keys of the bot.")


def _fallback(unused: object) -> Finding:
    if not isinstance(unused, list):
        return note("fallback_key", "The homeserver does not know fallback keys.", "Bring it up to date.")
    if ONE_TIME not in unused:
        says = "The fallback key was used or never made."
        return note("fallback_key", says, "The bridge makes a new one while it runs: start it and look again.")
    return fine("fallback_key", "A fallback key is there.")
