"""Every utterance in every branch, as the bridge would say it: what the tests of its words look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bridge import commands
from bridge.wording import Words
from facilitator import claims
from facilitator.ids import GroupId, RoomId
from facilitator.rooms import Place
from facilitator.settings import CrisisLine

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"
PERSON = "@ben:example.org"
PANEL = "https://panel.example.org"


def line(kind: str, name: str) -> CrisisLine:
    return CrisisLine(
        name=name, contact=f"0800 {len(name)}", hours="18 to 22", kind=kind, region="here", language="en",
        verified_on=date(2026, 1, 1), verified_by="Cleo",
    )  # fmt: skip


NIGHT, LISTENERS = line("crisis", "Night line"), line("warmline", "Listeners")
LISTED, FOR_FACILITATORS = commands.listed(), commands.listed(for_facilitators=True)


def words(*lines: CrisisLine) -> Words:
    return Words("112", lines, LISTED, for_facilitators=FOR_FACILITATORS, panel_url=PANEL)


def session(begins_in: timedelta, zone: str = BERLIN) -> dict[str, str]:
    starts = NOW + begins_in
    return {
        "starts": starts.isoformat(), "ends": (starts + timedelta(hours=1)).isoformat(), "time_zone": zone,
    }  # fmt: skip


def place(language: str = "en", kind: str = "group") -> Place:
    return Place(RoomId("room"), kind, GroupId("group"), language, BERLIN)


@dataclass(frozen=True)
class Said:
    """One branch of an utterance."""

    branch: str
    utterance: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[CrisisLine, ...] = (NIGHT, LISTENERS)
    kind: str = "group"

    def content(self, language: str = "en") -> dict[str, Any]:
        return words(*self.lines).say(self.utterance, self.parameters, place=place(language, self.kind), now=NOW)

    def body(self, language: str = "en") -> str:
        return str(self.content(language)["body"])


def _reminders() -> Iterator[Said]:
    for branch, begins_in in {
        "just begun": timedelta(), "begun": -timedelta(minutes=6), "in one minute": timedelta(minutes=1),
        "in twenty": timedelta(minutes=20), "in an hour": timedelta(minutes=60), "today": timedelta(hours=5),
        "tomorrow": timedelta(hours=24), "later": timedelta(days=2),
    }.items():  # fmt: skip
        yield Said(branch, "reminder", session(begins_in))


def _backstage() -> Iterator[Said]:
    troubles = ("no_power", "room_closed", "room_lost", "room_moved", "room_refused")
    for branch, lines in {
        "a stranger": [["stranger", 1, None]], "strangers": [["stranger", 3, None]],
        "a stranger here": [["stranger_backstage", 1, None]], "an invitation": [["not_delivered", 1, None]],
        "one who cannot read": [["cannot_read", 1, None]], "a draft": [["draft", 1, None]],
        "everything": [
            ["stranger", 2, None], ["stranger_backstage", 1, None], *(["room", 1, code] for code in troubles),
            ["not_delivered", 2, None], ["cannot_read", 2, None], ["draft", 1, None],
        ],
    }.items():  # fmt: skip
        about = {"group": "Maple room", "path": "/groups/1d0c", "lines": lines}
        yield Said(f"backstage: {branch}", "backstage", about, kind="backstage")


CLOSING = {"closes": (NOW + timedelta(days=3)).isoformat(), "time_zone": BERLIN}
SOON, RUNNING, LATER = (session(timedelta(minutes=minutes)) for minutes in (30, -30, 5_000))
EVERY = (
    *_backstage(),
    Said("welcome backstage", "backstage_welcome", {"group": "Maple room"}, kind="backstage"),
    *(
        Said(f"code: {outcome.name}", "code_said", {"outcome": outcome.name}, kind="direct")
        for outcome in claims.Outcome
    ),
    Said("closing", "closing", CLOSING | {"kept_by": "nobody", "changed": False}),
    Said("closing, left to its members", "closing", CLOSING | {"kept_by": "members", "changed": False}),
    Said("closing on another day", "closing", CLOSING | {"kept_by": "nobody", "changed": True}),
    Said("closing undone", "closing_undone"),
    Said("commands", "commands"),
    Said("commands backstage", "commands", kind="backstage"),
    Said("confirm device", "confirm_device"),
    Said("help", "help"),
    Said("help again", "help_again"),
    Said("help without lines", "help", lines=()),
    Said("help with crisis lines alone", "help", lines=(NIGHT, NIGHT)),
    Said("help with warmlines alone", "help", lines=(LISTENERS, LISTENERS)),
    Said("matrix id claimed", "matrix_id_claimed", kind="direct"),
    Said("moving", "moving"),
    Said("name put back", "name_put_back", {"group": "Maple room"}),
    Said("not our room", "not_our_room"),
    Said("other matrix id", "other_matrix_id"),
    Said("panel alone", "panel_alone"),
    Said("panel link", "panel_link", {"path": "/sign-in/" + "x" * 43}, kind="direct"),
    Said("panel new identity", "panel_new_identity", kind="direct"),
    Said("panel not confirmed", "panel_not_confirmed", kind="direct"),
    Said("panel often", "panel_often", kind="direct"),
    Said("panel unknown", "panel_unknown", kind="direct"),
    *_reminders(),
    Said("sessions", "sessions", {"sessions": [RUNNING, SOON, LATER]}),
    Said("no sessions", "sessions", {"sessions": []}),
    Said("no sessions in a pause", "sessions", {"sessions": [], "resting": "paused"}),
    Said("no sessions in a draft", "sessions", {"sessions": [], "resting": "draft"}),
    Said("farewell", "farewell", {"words": "Thank you all.", "kept_by": "nobody"}),
    Said("farewell without words", "farewell", {"words": "", "kept_by": "members"}),
    Said("farewell with no line", "farewell", {"words": "Go well.", "kept_by": "members"}, lines=()),
    Said("unknown command", "unknown_command"),
    Said("welcome", "welcome", {"person": PERSON, "sessions": [LATER]}),
    Said("welcome in a session", "welcome", {"person": PERSON, "sessions": [RUNNING]}),
    Said("welcome before any session", "welcome", {"person": PERSON, "sessions": []}),
)
