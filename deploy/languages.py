"""Which languages there are: those that both the panel and the bot have a catalogue of. A group is offered no other, or
its bot would fall silent into English.
"""

from collections.abc import Sequence

from bridge import wording
from facilitator import languages
from facilitator.errors import Misconfigured
from web import language

SPEAKERS = (("the panel", language.LOCALES, language.DOMAIN), ("the bot", wording.LOCALE, wording.DOMAIN))


def check(offered: Sequence[str]) -> None:
    """Raises Misconfigured when the setting `languages` names one that the panel or the bot does not speak."""
    for tag in offered:
        dumb = [who for who, folder, domain in SPEAKERS if not languages.nearest(tag, languages.spoken(folder, domain))]
        if dumb:
            raise Misconfigured(
                f"[house] languages names {tag}, which {' and '.join(dumb)} cannot speak: there are {known()}. Take it "
                "out, or translate Hearth first, as docs/hosting.md says."
            )


def known() -> str:
    """The languages both speak, as a list."""
    both = set.intersection(*(set(languages.spoken(folder, domain)) for _, folder, domain in SPEAKERS))
    return ", ".join(sorted(both))
