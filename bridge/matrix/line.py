"""Who waits for the homeserver's next token, and in which order they get it.

Nobody stands here in person: whoever has to wait is told when to come back, and keeps a place until then and a little
longer. So a room is not pressed once a second for what comes in five minutes, and what is urgent goes first.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from bridge.matrix.homeserver import Urgency

AT_MOST = 2_000
"""Places; who comes after that is told to come back all the same."""
LATE_BY = 10.0
"""Seconds after which whoever was told to come back is not waited for."""
TURNS = 4
"""Times urgent words may go before everything else in a row; then one of the others, for none waits for ever."""
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    """One request, as the pace sees it. `key` tells it from all others; it is the same when it comes again."""

    kind: str
    key: str = field(repr=False)
    urgency: Urgency
    person: str | None = field(default=None, repr=False)
    """Who is invited: a homeserver may limit how often one person is."""
    not_after: datetime | None = None


@dataclass(frozen=True)
class Place:
    request: Request
    bucket: str
    arrived: int
    told: float


class Line:
    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._numbers = count()
        self._overtaken: dict[str, int] = {}

    def ahead_of(self, request: Request, bucket: str, now: float) -> int:
        """How many that wait for this bucket come before this one."""
        self._drop_who_stayed_away(now)
        mine = self._rank(request, self._arrival(request), bucket)
        return sum(
            place.bucket == bucket
            and place.request.key != request.key
            and self._rank(place.request, place.arrived, bucket) < mine
            for place in self._places.values()
        )

    def wait(self, request: Request, bucket: str, told: float) -> None:
        """Keep its place until the moment it is told to come back at."""
        if len(self._places) < AT_MOST or request.key in self._places:
            self._places[request.key] = Place(request, bucket, self._arrival(request), told)

    def goes(self, request: Request, buckets: tuple[str, ...]) -> None:
        self._places.pop(request.key, None)
        for bucket in buckets:
            others = any(p.bucket == bucket and not _spoken_to(p.request) for p in self._places.values())
            overtakes = _spoken_to(request) and others
            self._overtaken[bucket] = self._overtaken.get(bucket, 0) + 1 if overtakes else 0

    def is_its_turn(self, request: Request, bucket: str) -> bool:
        """Whether enough that is more urgent has gone before it; calls for help and safety are not counted out."""
        return self._overtaken.get(bucket, 0) >= TURNS and not _spoken_to(request)

    def _rank(self, request: Request, arrived: int, bucket: str) -> tuple[float, datetime, int]:
        late = self.is_its_turn(request, bucket)
        return (
            (Urgency.SAFETY + 0.5 + request.urgency / 100 if late else request.urgency),
            (request.not_after or NEVER),
            arrived,
        )

    def _arrival(self, request: Request) -> int:
        known = self._places.get(request.key)
        return known.arrived if known else next(self._numbers)

    def _drop_who_stayed_away(self, now: float) -> None:
        for key in [key for key, place in self._places.items() if place.told + LATE_BY < now]:
            del self._places[key]


def _spoken_to(request: Request) -> bool:
    """Somebody has just written and waits for an answer."""
    return request.urgency <= Urgency.REPLY
