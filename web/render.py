"""Templates to pages: one Jinja environment per language, escaping always on, times shown only through its filters."""

from datetime import datetime, timedelta
from functools import lru_cache, partial
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, format_time, format_timedelta, get_day_names
from babel.lists import format_list
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from facilitator import languages
from web import charts, language, life, names, words
from web.cities import Cities

TEMPLATES = Path(__file__).parent / "templates"
SECOND = timedelta(seconds=1)
kept = lru_cache(maxsize=4096)
"""The same dates are shown again and again, and writing one takes longer than reading it from the database."""


class Templates:
    """Renders a template in a language. `everywhere`: values every page has."""

    def __init__(self, catalogues: dict[str, NullTranslations], cities: Cities, **everywhere: Any) -> None:
        self.catalogues, self.everywhere = catalogues, everywhere
        self._environments = {
            tongue: environment(tongue, catalogue, cities, tuple(catalogues))
            for tongue, catalogue in catalogues.items()
        }
        for each in self._environments.values():
            each.globals.update(everywhere)

    def render(self, tongue: str, template: str, **values: Any) -> str:
        return self._environments[tongue].get_template(template).render(**values)


def environment(tongue: str, catalogue: NullTranslations, cities: Cities, codes: tuple[str, ...]) -> Environment:
    """`codes`: of all languages, for the choice of one."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    say = catalogue.gettext

    def said_if_any(sentence: str) -> str:
        return say(sentence) if sentence else ""  # under the empty text a catalogue keeps its own facts

    # a sentence that was marked with N_ elsewhere
    env.filters["said"] = lambda sentence, facts=None: say(sentence) % facts if facts else say(sentence)
    env.filters |= times(tongue) | {
        "room_badge": lambda room: say(words.ROOM_STATES[room.state]),
        "room_reason": lambda room, all_well: say(words.of_room(room, all_well)),
        "room_next": lambda room: say(words.next_of_room(room)),
        "room_trouble": lambda code: say(words.ROOM_TROUBLES.get(code, words.SOME_TROUBLE)),
        "trouble_next": lambda code: say(words.NEXT.get(code, words.SOME_NEXT)),
        "standing": lambda member: say(words.of_member(member)),
        "stuck": words.is_stuck,
        "member_reason": lambda member: say(words.reason_of_member(member)),
        "next_to_read": lambda member: said_if_any(words.next_to_read(member)),
        "hints": words.hints,
        "none_can_read": words.none_can_read,
        "state_mark": life.mark,
        "state_word": lambda state: say(life.word(state)),
        "yourself": lambda health: said_if_any(words.YOURSELF.get(health, "")),
        "city": cities.spoken(tongue).name,
        "tongue_name": lambda code: languages.name(code, tongue),
        "number": lambda number: format_decimal(number, locale=languages.locale(tongue)),
        "listed": lambda parts: format_list(list(parts), locale=languages.locale(tongue)),
        "isolated": names.isolated,
        "name": names.name,
        "names": lambda called: names.listed([names.name(each) for each in called], tongue),
        "matrix_id": names.matrix_id,
        "matrix_ids": lambda ids: names.listed([names.matrix_id(each) for each in ids], tongue),
    }
    env.globals |= {"cities": cities.spoken(tongue), "lang": tongue, "dir": languages.direction(tongue)}
    env.globals["tongues"] = language.named(codes)
    env.globals["drawn"] = partial(charts.chart, mirrored=languages.direction(tongue) == "rtl")
    return env


def times(tongue: str) -> dict[str, Any]:
    """Filters that show an instant where people are. Local time is made here and in `recurrence.py`, nowhere else."""
    locale = languages.locale(tongue)

    def there(moment: datetime, zone: str) -> datetime:
        return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    def before(offsets: tuple[timedelta, ...]) -> str:
        times = [format_timedelta(each, threshold=0.99, locale=locale) for each in sorted(offsets, reverse=True)]
        return format_list(times, locale=locale)

    return {
        "date": lambda day: format_date(day, "long", locale=locale),
        "day": kept(lambda moment, zone: format_date(there(moment, zone), "full", locale=locale)),
        "hour": kept(lambda moment, zone: format_time(there(moment, zone), "short", locale=locale)),
        "there": there,  # to compare clocks, not to be shown
        "weekday_there": kept(lambda moment, zone: format_date(there(moment, zone), "EEEE", locale=locale)),
        "wall": lambda at: format_time(at, "short", locale=locale),
        "month": kept(lambda day: format_skeleton("yMMMM", day, locale=locale)),
        "short_month": kept(lambda day: format_skeleton("MMM", day, locale=locale)),
        "weekday": lambda number: get_day_names("wide", "stand-alone", locale=locale)[number],
        "lasting": lambda minutes: format_timedelta(timedelta(minutes=minutes), "minute", threshold=99, locale=locale),
        "before": before,
        "ago": lambda moment, now: format_timedelta(min(moment - now, -SECOND), add_direction=True, locale=locale),
        "waited": lambda moment, now: format_timedelta(max(now - moment, SECOND), locale=locale),
        "until": lambda moment, now: format_timedelta(max(moment - now, SECOND), add_direction=True, locale=locale),
        "utc": lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
