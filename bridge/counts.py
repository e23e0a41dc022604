"""What the homeserver's client counts while it runs: for metrics, and so never by room or person."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Counts:
    """What was counted since the start, for metrics: by kind of request or of fault, never by room or person.

    `answered`: requests by what came of them. `limited`: refusals for haste, by kind of request. `malformed`: what was
    dropped, by kind. `unread`: events whose key was lacking when they came. `one_time_keys`: how many the server holds
    for us, None when it has not said yet."""

    answered: Mapping[str, int] = field(default_factory=dict)
    limited: Mapping[str, int] = field(default_factory=dict)
    malformed: Mapping[str, int] = field(default_factory=dict)
    unread: int = 0
    one_time_keys: int | None = None
