"""What the doctor asks of a homeserver: answers as they came, with how long they took and what time they say it is.

Everything asked leaves things as they are. The running bridge may use the same account meanwhile: no message for its
device is taken away (a /sync without a cursor takes none).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from facilitator.clock import Clock

PATIENCE = timedelta(seconds=20)


@dataclass(frozen=True)
class Answer:
    """`body`: the JSON object, empty when it was none. `at`: the server's own time, None when it did not say."""

    status: int
    body: Mapping[str, Any] = field(repr=False)
    at: datetime | None
    took: timedelta

    def part(self, *names: str) -> Mapping[str, Any]:
        """An object within the body; empty where there is none, or something else."""
        found: Any = self.body
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def fine(self) -> bool:
        return self.status == 200

    @property
    def code(self) -> str:
        """Matrix's error code; empty when it is not Matrix that answered."""
        code = self.body.get("errcode")
        return code if isinstance(code, str) else ""


class Unanswered(Exception):
    """No answer. `why`: a few words for a person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Homeserver:
    """The homeserver at `url`, asked with the bot's token where there is one. Close it.

    `acting_as` goes along with every request: an application service names its account and device there (MSC4326)."""

    def __init__(self, url: str, token: str | None, clock: Clock, acting_as: Mapping[str, str] | None = None) -> None:
        self._url, self._clock, self._acting_as = url.rstrip("/"), clock, dict(acting_as or {})
        self._token = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = aiohttp.ClientTimeout(total=PATIENCE.total_seconds())
        self._http = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        as_nobody: bool = False,
    ) -> Answer:
        """`path` from /_matrix or /_synapse on. `as_nobody`: without the token, which may be no good any more. Raises
        Unanswered."""
        began = self._clock.monotonic()
        params = {} if as_nobody else self._acting_as | dict(query or {})
        headers = {} if as_nobody else self._token
        try:
            async with self._http.request(
                method, self._url + path, json=body, params=params, headers=headers, allow_redirects=False
            ) as response:
                parsed = await _json(response)
                at = _date(response.headers.get("Date"))
        except TimeoutError:
            raise Unanswered(f"no answer within {PATIENCE.total_seconds():.0f} seconds") from None
        except aiohttp.ClientSSLError:
            raise Unanswered("its certificate is not valid") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise Unanswered("no connection") from None
        took = timedelta(seconds=self._clock.monotonic() - began)
        return Answer(response.status, parsed if isinstance(parsed, dict) else {}, at, took)

    async def close(self) -> None:
        await self._http.close()


async def _json(response: aiohttp.ClientResponse) -> Any:
    try:
        return await response.json(content_type=None)
    except ValueError:
        return None


def _date(header: str | None) -> datetime | None:
    """None also for one without a zone, which says nothing."""
    try:
        said = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    return said if said is not None and said.tzinfo is not None else None
