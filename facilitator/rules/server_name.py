"""Does a homeserver's name say what its people have in common? It stands in each one's Matrix ID, for ever (R12).

A name joins its words without a space, so parts are looked for; what also stands in harmless words counts only alone.
"""

import re

from facilitator.rules.names import PHRASES, STEMS, WORDS

WITHIN = (
    *STEMS,
    "12step",
    "twelvestep",
    "alanon",
    "naranon",
    "cleantime",
    "crystalmeth",
    "eatingdisorder",
    "heroin",
    "mentalhealth",
    "mentalillness",
    "naloxone",
    "psychisch",
    "recovery",
    "selfharm",
    "selbsthilfe",
    "sobriety",
    "sober",
    "sucht",
    "survivor",
    "trauma",
)
ALONE = frozenset({"aa", "aca", "coda", "dbsa", "ga", "na", "oa", "sa", "slaa", "clean", *WORDS})
"""As a label or a part between hyphens: "na.example.org" tells, "nature.org" does not."""
HARMLESS = ("october", "soberania", "aussucht", "besucht", "gesucht", "untersucht", "versucht")
"""Words that hold one of those parts by chance."""


def telling(server_name: str) -> str | None:
    """The part of it that tells, or None. A port and the last label (org, de …) do not count."""
    labels = server_name.casefold().partition(":")[0].split(".")
    parts = [part for label in labels[:-1] for part in re.split(r"[-_]", label) if part]
    alone = next((part for part in parts if part in ALONE), None)
    return alone or _within("".join(parts), parts)


def _within(joined: str, parts: list[str]) -> str | None:
    for harmless in HARMLESS:
        joined = joined.replace(harmless, " ")
    found = next((word for word in WITHIN if word in joined), None)
    phrase = " ".join(parts)
    return found or next((said for said in PHRASES if f" {said} " in f" {phrase} "), None)
