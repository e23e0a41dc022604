"""Find a homeserver from what a person typed: its client address, or the name that stands in Matrix ids."""

from bridge.matrix.connection import Connection
from bridge.matrix.homeserver import HomeserverError, TheirFault, TryLater
from facilitator.clock import Clock
from facilitator.errors import N_, Misconfigured

WELL_KNOWN = "/.well-known/matrix/client"
NOBODY = N_("Nobody answers at {address}. Check the address, and that this machine reaches it.")
NOT_MATRIX = N_(
    "{address} answers, but it is not a Matrix homeserver's client address. It may be the website; the homeserver's "
    "own address often looks like https://matrix.example.org."
)
NO_ADDRESS = N_("“{typed}” is no address of a homeserver. It looks like example.org or https://matrix.example.org.")
LEADS_NOWHERE = N_(
    "{name} says where its homeserver is, but not with an address. Type the homeserver's address itself."
)


async def find(typed: str, *, clock: Clock, scheme: str = "https") -> str:
    """The client address. Raises Misconfigured with what to check."""
    given = typed.strip().rstrip("/")
    if not given or any(space in given for space in " \t@") or given.count("://") > 1:
        raise Misconfigured(NO_ADDRESS.format(typed=typed.strip()[:80]))
    if "://" in given:
        if not given.startswith(("https://", "http://")):
            raise Misconfigured(NO_ADDRESS.format(typed=given[:80]))
        return await _homeserver_at(given, clock)
    here = f"{scheme}://{given}"
    return await _homeserver_at(await _well_known(here, clock) or here, clock)


async def _well_known(address: str, clock: Clock) -> str | None:
    """Where the owner of a name says its homeserver is (spec, "Server Discovery"); None: they do not say."""
    connection = Connection(address, clock=clock)
    try:
        told = (await connection.get(WELL_KNOWN)).get("m.homeserver")
    except HomeserverError:
        return None
    finally:
        await connection.close()
    if told is None:
        return None
    base = told.get("base_url") if isinstance(told, dict) else None
    if not isinstance(base, str) or not base.startswith(("https://", "http://")):
        raise Misconfigured(LEADS_NOWHERE.format(name=address.partition("://")[2]))
    return base.rstrip("/")


async def _homeserver_at(address: str, clock: Clock) -> str:
    connection = Connection(address, clock=clock)
    try:
        versions = (await connection.get("/_matrix/client/versions")).get("versions")
    except TryLater as error:
        answered = isinstance(error, TheirFault) or "Matrix" in error.why
        raise Misconfigured((NOT_MATRIX if answered else NOBODY).format(address=address)) from error
    except HomeserverError as error:
        raise Misconfigured(NOT_MATRIX.format(address=address)) from error
    finally:
        await connection.close()
    if not isinstance(versions, list):
        raise Misconfigured(NOT_MATRIX.format(address=address))
    return address
