"""Everything the bot says, one template per utterance, translated by gettext and rendered when it is first said.

What a person should notice is m.text, which rings; chatter is m.notice, which does not. The first line of each is
innocent on a lock screen: it names no group, no person and no reason to be here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_location
from jinja2 import Environment, PackageLoader, StrictUndefined

from facilitator import languages
from facilitator.languages import SOURCE
from facilitator.rooms import Place
from facilitator.settings import CrisisLine

LOCALE = Path(__file__).parent / "locale"
DOMAIN = "bridge"
MESSAGE_TYPES: Mapping[str, str] = {
    "backstage": "m.notice",
    "backstage_welcome": "m.notice",
    "closing": "m.text",
    "closing_undone": "m.text",
    "code_said": "m.notice",
    "commands": "m.notice",
    "confirm_device": "m.text",
    "farewell": "m.text",
    "help": "m.text",
    "help_again": "m.text",
    "matrix_id_claimed": "m.text",
    "moving": "m.text",
    "name_put_back": "m.notice",
    "not_our_room": "m.text",
    "other_matrix_id": "m.text",
    "panel_alone": "m.notice",
    "panel_link": "m.notice",
    "panel_new_identity": "m.notice",
    "panel_not_confirmed": "m.notice",
    "panel_often": "m.notice",
    "panel_unknown": "m.notice",
    "reminder": "m.text",
    "sessions": "m.notice",
    "unknown_command": "m.notice",
    "welcome": "m.text",
}
SOON_MINUTES = 60


@dataclass(frozen=True)
class Moment:
    """A session's start as people in its zone say it. `minutes`: from now, negative once it has begun."""

    minutes: int
    days: int
    time: str
    date: str
    city: str


@dataclass(frozen=True)
class Words:
    """The bot's words with the house's own facts in them. `commands`: (name, sentence) of each, by name;
    `for_facilitators`: of those only they read of; `usual`: the language of rooms that have none of their own;
    `panel_url`: where the panel is."""

    emergency_number: str
    crisis_lines: Sequence[CrisisLine]
    commands: Sequence[tuple[str, str]]
    usual: str = SOURCE
    for_facilitators: Sequence[tuple[str, str]] = ()
    panel_url: str = ""

    def say(self, utterance: str, parameters: Mapping[str, Any], *, place: Place, now: datetime) -> dict[str, Any]:
        """The content of the m.room.message that says it, in the language and zone of its place."""
        mentioned = [parameters["person"]] if "person" in parameters else []
        return {
            "msgtype": MESSAGE_TYPES[utterance],
            "body": self.text(utterance, parameters, place=place, now=now),
            "m.mentions": {"user_ids": mentioned} if mentioned else {},
        }

    def text(self, utterance: str, parameters: Mapping[str, Any], *, place: Place, now: datetime) -> str:
        language = place.language or self.usual

        def moment(starts: str, time_zone: str) -> Moment:
            return moment_of(datetime.fromisoformat(starts), time_zone, language=language, now=now)

        template = templates(language).get_template(f"{utterance}.txt")
        return template.render(
            house=self, place=place, moment=moment, **{k: v for k, v in parameters.items() if k != "person"}
        ).strip()


def moment_of(starts: datetime, time_zone: str, *, language: str, now: datetime) -> Moment:
    """How a start (UTC) is told in its zone: "tomorrow" counts that zone's days, not 24 hours."""
    zone = ZoneInfo(time_zone)
    local, today = starts.astimezone(zone), now.astimezone(zone).date()
    tongue = spoken(language)
    locale = languages.locale(tongue)
    city = get_timezone_location(zone, locale=locale, return_city=True)
    return Moment(
        minutes=round((starts - now).total_seconds() / 60),
        days=(local.date() - today).days,
        time=format_time(local, "short", locale=locale),
        date=format_date(local, languages.day_pattern(tongue), locale=locale),
        city=city.rpartition("/")[2],  # "Argentina/Buenos Aires"
    )


@cache
def spoken(language: str) -> str:
    """The nearest language the bot speaks; words and dates are both English where nobody has translated yet, since half
    a sentence in each is worse."""
    return languages.nearest(language, languages.spoken(LOCALE, DOMAIN)) or SOURCE


def catalogue(language: str) -> NullTranslations:
    return languages.catalogue(LOCALE, DOMAIN, spoken(language))


@cache
def templates(language: str) -> Environment:
    """The templates with one language's catalogue; English needs none."""
    made = Environment(
        loader=PackageLoader("bridge.wording", "."),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text, shown as such by every client
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rightward = languages.direction(spoken(language)) == "ltr"
    made.filters["isolated"] = str if rightward else languages.isolated
    install: Callable[..., None] = made.install_gettext_translations  # type: ignore[attr-defined]
    install(catalogue(language), newstyle=True)
    return made
