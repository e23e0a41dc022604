"""Every utterance in every branch, as the bridge would say it: what the tests of its words look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bridge import commands
from bridge.wording import Words
from facilitator.ids import GroupId, RoomId
from facilitator.rooms import Place
from facilitator.settings import CrisisLine

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"
PERSON = "@ben:example.org"


def line(kind: str, name: str) -> CrisisLine:
    return CrisisLine(
        name=name, contact=f"0800 {len(name)}", hours="18 to 22", kind=kind, region="here", language="en",
        verified_on=date(2026, 1, 1), verified_by="Cleo",
    )  # fmt: skip


NIGHT, LISTENERS = line("crisis", "Night line"), line("warmline", "Listeners")
LISTED = sorted((command.words[0], command.about) for command in commands.COMMANDS)


def words(*lines: CrisisLine) -> Words:
    return Words("112", lines, LISTED)


def session(begins_in: timedelta, zone: str = BERLIN) -> dict[str, str]:
    starts = NOW + begins_in
    return {
        "starts": starts.isoformat(), "ends": (starts + timedelta(hours=1)).isoformat(), "time_zone": zone,
    }  # fmt: skip


def place(language: str = "en") -> Place:
    return Place(RoomId("room"), "group", GroupId("group"), language, BERLIN)


@dataclass(frozen=True)
class Said:
    """One branch of an utterance."""

    branch: str
    utterance: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[CrisisLine, ...] = (NIGHT, LISTENERS)

    def content(self, language: str = "en") -> dict[str, Any]:
        return words(*self.lines).say(self.utterance, self.parameters, place=place(language), now=NOW)

    def body(self, language: str = "en") -> str:
        return str(self.content(language)["body"])


def _reminders() -> Iterator[Said]:
    for branch, begins_in in {
        "just begun": timedelta(), "begun": -timedelta(minutes=6), "in one minute": timedelta(minutes=1),
        "in twenty": timedelta(minutes=20), "in an hour": timedelta(minutes=60), "today": timedelta(hours=5),
        "tomorrow": timedelta(hours=24), "later": timedelta(days=2),
    }.items():  # fmt: skip
        yield Said(branch, "reminder", session(begins_in))


SOON, RUNNING, LATER = (session(timedelta(minutes=minutes)) for minutes in (30, -30, 5_000))
EVERY = (
    Said("commands", "commands"),
    Said("confirm device", "confirm_device"),
    Said("help", "help"),
    Said("help again", "help_again"),
    Said("help without lines", "help", lines=()),
    Said("help with crisis lines alone", "help", lines=(NIGHT, NIGHT)),
    Said("help with warmlines alone", "help", lines=(LISTENERS, LISTENERS)),
    Said("moving", "moving"),
    Said("name put back", "name_put_back", {"group": "Maple room"}),
    Said("not our room", "not_our_room"),
    Said("other matrix id", "other_matrix_id"),
    *_reminders(),
    Said("sessions", "sessions", {"sessions": [RUNNING, SOON, LATER]}),
    Said("no sessions", "sessions", {"sessions": []}),
    Said("stranger", "stranger", {"group": "Maple room"}),
    Said("unknown command", "unknown_command"),
    Said("welcome", "welcome", {"person": PERSON, "sessions": [LATER]}),
    Said("welcome in a session", "welcome", {"person": PERSON, "sessions": [RUNNING]}),
    Said("welcome before any session", "welcome", {"person": PERSON, "sessions": []}),
)
