"""One HTTP request to the homeserver and what came of it, in our own errors.

nio's client retries for ever by default and returns errors as objects that are truthy; ours answers with the JSON
or raises TryLater, Rejected or SignedOut. Nothing of a request's address or body ever stands in an error.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp

from bridge.matrix.homeserver import (
    HomeserverError,
    NoAnswer,
    Rejected,
    SignedOut,
    SlowDown,
    TheirFault,
    TryLater,
    Urgency,
)
from bridge.matrix.line import Request
from bridge.matrix.pace import USUAL_URGENCY, Pace, Pass
from bridge.matrix.parsing import parsed
from facilitator.clock import Clock

REQUEST_WITHIN = timedelta(seconds=30)
AFTER_A_FAULT = timedelta(seconds=5)
LARGEST_ANSWER = 64 * 2**20
"""Bytes, unpacked. Read whole, an answer takes several times as much memory."""
SIGNED_OUT = frozenset(
    {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED", "M_UNKNOWN_DEVICE"}
)
"""The last is how an application service hears that its device was deleted (MSC4326)."""
KEY_EXISTS = "HEARTH_KEY_EXISTS"
KEY_GIVEN_BEFORE = re.compile(r"One time key \S+ already exists\.")
"""Synapse's words where one of our one-time keys was uploaded before with other content, in `M_UNKNOWN`."""

DENIED = re.compile(r"Federation denied with (?P<server>\S+)\.")
"""Synapse's words, in `M_FORBIDDEN` like a person's own no."""

SYNC = "/_matrix/client/v3/sync"

Json = dict[str, Any]
Asked = str | Request | Pass
"""What kind of request it is, for the pace; one that was granted already is not asked for again."""
Kind = TypeVar("Kind", str, dict[str, Any], list[Any])


class FederationDenied(Rejected):
    """M_FORBIDDEN because one of two servers may not talk to the other. `server`: the one that is kept out."""

    def __init__(self, server: str) -> None:
        super().__init__("M_FORBIDDEN")
        self.server = server


class NeedsConfirmation(Rejected):
    """The homeserver wants a person to confirm this with a password. `session`: what their confirmation belongs to."""

    def __init__(self, session: object) -> None:
        super().__init__("HEARTH_NEEDS_CONFIRMATION", "the homeserver asks to confirm with a password")
        self.session = session


class TooMuch(TheirFault):
    """The answer is larger than we take: asked for less, it may not be."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    retry_after: timedelta | None = None


def path(*parts: str, version: str = "v3") -> str:
    """A client-server API path; each part is quoted whole, slashes too."""
    return f"/_matrix/client/{version}/" + "/".join(quote(part, safe="") for part in parts)


class Connection:
    """The homeserver at `url`. `token` may be empty for what needs no sign-in. `acting_as` goes along with every
    request: an application service says there which account and device of its it means (MSC4326)."""

    def __init__(self, url: str, token: str = "", *, clock: Clock, acting_as: Mapping[str, str] | None = None) -> None:
        self._url, self._acting_as = url.rstrip("/"), dict(acting_as or {})
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.pace = Pace(clock)
        self._http: aiohttp.ClientSession | None = None
        self.limited: Counter[str] = Counter()
        """How often the server asked us to go slower, by kind of request."""
        self.answered: Counter[str] = Counter()
        """Requests by what came of them: fine, limited, refused, fault, no_connection."""

    async def get(
        self,
        address: str,
        query: Mapping[str, str] | None = None,
        *,
        wait: timedelta = timedelta(),
        patience: timedelta = REQUEST_WITHIN,
    ) -> Json:
        """`wait`: how long the server is asked to hold the answer back, on top of our own patience."""
        kind = "sync" if address == SYNC else "get"
        return _mapping(await self._ask("GET", address, query=query, patience=patience + wait, kind=kind))

    async def get_list(self, address: str) -> list[Any]:
        answer = await self._ask("GET", address, kind="get")
        if not isinstance(answer, list):
            raise TryLater("the answer is not Matrix", AFTER_A_FAULT)
        return answer

    async def post(self, address: str, body: Json, *, kind: Asked, patience: timedelta = REQUEST_WITHIN) -> Json:
        return _mapping(await self._ask("POST", address, body=body, kind=kind, patience=patience))

    async def put(self, address: str, body: Json, *, kind: Asked, patience: timedelta = REQUEST_WITHIN) -> Json:
        return _mapping(await self._ask("PUT", address, body=body, kind=kind, patience=patience))

    async def delete(self, address: str, body: Json, *, kind: Asked) -> Json:
        return _mapping(await self._ask("DELETE", address, body=body, kind=kind))

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def _ask(
        self,
        method: str,
        address: str,
        *,
        kind: Asked,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        patience: timedelta = REQUEST_WITHIN,
    ) -> Any:
        if isinstance(kind, str):
            kind = Request(kind, f"{method} {address}", USUAL_URGENCY.get(kind, Urgency.UPKEEP))
        granted = kind if isinstance(kind, Pass) else self.pace.admit(kind)
        try:
            answer = await self._exchange(method, address, query, body, patience)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.answered["no_connection"] += 1
            taken = isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError)
            raise (NoAnswer if taken else TryLater)("no connection", AFTER_A_FAULT) from error
        except TooMuch:
            self.answered["fault"] += 1
            raise
        if answer.status < 300:
            self.pace.went(granted)
            self.answered["fine"] += 1
            return answer.body
        refusal = self._refusal(answer, granted)
        self._count(refusal, granted.request.kind)
        raise refusal

    def _count(self, refusal: HomeserverError, kind: str) -> None:
        if isinstance(refusal, SlowDown):
            self.limited[kind] += 1
            self.answered["limited"] += 1
        else:
            self.answered["fault" if isinstance(refusal, TryLater) else "refused"] += 1

    async def _exchange(
        self, method: str, address: str, query: Mapping[str, str] | None, body: Json | None, patience: timedelta
    ) -> Answer:
        if self._http is None:
            self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), headers=self._headers)
        timeout = aiohttp.ClientTimeout(total=patience.total_seconds())
        async with self._http.request(
            method,
            self._url + address,
            params=self._acting_as | dict(query or {}),
            json=body,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            said = await _read(response)
        after = _seconds(response.headers.get("Retry-After"))
        try:
            return Answer(response.status, parsed(said), after)
        except ValueError:
            return Answer(response.status, None, after)

    def _refusal(self, answer: Answer, granted: Pass) -> HomeserverError:
        """A no without Matrix's `errcode` is not the homeserver's: whatever stands before it is in its way."""
        said = answer.body if isinstance(answer.body, dict) else {}
        code = said.get("errcode")
        if answer.status == 429 or code == "M_LIMIT_EXCEEDED":
            after = _milliseconds(said.get("retry_after_ms")) or answer.retry_after
            return SlowDown("rate limit", self.pace.refused(granted, after))
        if answer.status >= 500 or answer.status < 400:
            return TheirFault(f"HTTP {answer.status}", AFTER_A_FAULT)
        if answer.status == 401 and "flows" in said:
            return NeedsConfirmation(said.get("session"))
        if not isinstance(code, str):
            return TheirFault(f"HTTP {answer.status} that is not Matrix", AFTER_A_FAULT)
        if code in SIGNED_OUT:
            return SignedOut(code)
        if KEY_GIVEN_BEFORE.match(str(said.get("error"))):
            return Rejected(KEY_EXISTS)
        denied = DENIED.fullmatch(str(said.get("error")))
        return FederationDenied(denied["server"]) if denied and code == "M_FORBIDDEN" else Rejected(code)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body. Raises TooMuch as soon as it is too large, however large it would have become."""
    said = bytearray()
    async for piece in response.content.iter_any():
        said += piece
        if len(said) > LARGEST_ANSWER:
            raise TooMuch("the answer is too large", AFTER_A_FAULT)
    return bytes(said)


def needed(answer: Mapping[str, Any], name: str, kind: type[Kind]) -> Kind:
    """What an answer must hold to be one. Raises TryLater when it does not: something else answered."""
    value = answer.get(name)
    if not isinstance(value, kind):
        raise TryLater("the answer is not Matrix", AFTER_A_FAULT)
    return value


def _milliseconds(said: object) -> timedelta | None:
    if not isinstance(said, int | float) or isinstance(said, bool):
        return None
    return timedelta(milliseconds=said) if 0 < said < 1e12 else None


def _seconds(said: str | None) -> timedelta | None:
    """Of a Retry-After header; one that names a date is as none."""
    return timedelta(seconds=int(said)) if said and said.isascii() and said.isdecimal() and len(said) < 8 else None


def _mapping(answer: Any) -> Json:
    if not isinstance(answer, dict):
        raise TryLater("the answer is not Matrix", AFTER_A_FAULT)
    return answer
