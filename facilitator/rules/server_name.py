"""What a homeserver's name gives away. It stands in the Matrix id of everyone who has an account there, on every server
they ever meet, and can never be changed: a name that says what people come for outs each of them (R12).
"""

import re

from facilitator.errors import N_
from facilitator.rules.names import STEMS

FOR_EVER = N_(
    "The name of the homeserver is part of the Matrix id of everyone with an account on it. Other servers and other "
    "people see it, and it can never be changed. It should not say what your groups are about."
)
TELLING = N_("It seems to: “{word}”. With such a name, everybody's own id would tell on them.")


def _each(text: str) -> tuple[str, ...]:
    return tuple(text.split())


RUN_TOGETHER = _each(
    """12schritt 12step abuse alanon alateen anonym autis cleanandsober crisis desintox detox disorder drogenfrei
    drugfree entzug guerison griefsupport hivpos mental naranon neurodiv nuchter nykter recover recuper retablis
    selbsthilfe selfharm selfhelp sobri sober sucht survivor twelvestep verslav zelfhulp"""
)
"""A label that contains this tells; words stand without spaces in a name."""

ALONE = frozenset(
    _each(
        """aa aca acoa adhd alcoholic bipolar bpd ca cancer clean cma coda dbsa depression drogen drogue drogues drug
        drugs ga gamblers grief healing help hiv ma na narcotics oa ocd patient patients peersupport psych ptsd rehab
        sa saa serenity slaa smart therapy trauma trocken"""
    )
)
"""A whole word that tells, between dots and hyphens. Not the last label: .ca, .ga, .ma, .na and .sa are countries."""


def telling_word(server_name: str) -> str | None:
    """The first word of this name that says what people come for; None: we know of none."""
    labels = server_name.partition(":")[0].casefold().rstrip(".").split(".")
    for label in labels:
        for stem in (*RUN_TOGETHER, *STEMS):
            if stem in label:
                return stem
    words = (word for label in labels[:-1] for word in re.split(r"[^a-z]+", label))
    return next((word for word in words if word in ALONE), None)
