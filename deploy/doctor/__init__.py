"""`hearth doctor`: is everything as it should be? In plain words, each failure with its mend.

It only looks. It can be run beside the bridge, and when nothing else runs any more.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from deploy.doctor import homeserver, house, identity, privacy, work
from deploy.doctor.asking import Homeserver, Unanswered
from deploy.doctor.finding import Finding, Level, fine, unseen, wrong
from deploy.doctor.surroundings import Surroundings, opened
from facilitator.clock import Clock
from facilitator.database import Unavailable
from facilitator.errors import Misconfigured

Here = Callable[[Surroundings], list[Finding]]
Stored = Callable[[Surroundings], Awaitable[list[Finding]]]
Asked = Callable[[Surroundings, Homeserver], Awaitable[list[Finding]]]

HERE: Sequence[Here] = (house.permissions, house.disk, privacy.server_name)
STORED: Sequence[tuple[str, Stored]] = (("bridge", house.running), ("acts", work.undone))
ASKED: Sequence[tuple[str, Asked]] = (
    ("account", homeserver.token),
    ("identity", identity.chain),
    ("key_store", identity.key_store),
    ("one_time_keys", identity.one_time_keys),
    ("room_version", homeserver.room_version),
    ("rate_limits", homeserver.pace),
    ("federation", homeserver.federation),
    ("presence", privacy.presence),
    ("user_directory", privacy.user_directory),
    ("url_previews", privacy.url_previews),
)
NO_DATABASE = "Not looked at: the database stopped answering."
SIGNS = {Level.FINE: "✓", Level.NOTE: "·", Level.WRONG: "✗", Level.UNSEEN: "?"}


async def look(settings: Path, clock: Clock) -> list[Finding]:
    """Everything that can be looked at."""
    try:
        async with opened(settings, clock) as found:
            return await _look(found)
    except Misconfigured as refused:
        return [wrong("settings", refused.sentence, "Nothing else was looked at. Mend this, then look again.")]


async def _look(found: Surroundings) -> list[Finding]:
    findings = [fine("settings", "The settings can be read."), *found.findings]
    for here in HERE:
        findings += here(found)
    for check, stored in STORED:
        try:
            findings += await stored(found)
        except Unavailable:
            findings.append(unseen(check, NO_DATABASE))
    assert found.homeserver is not None
    findings += await _ask(found, found.homeserver)
    return [*findings, *privacy.retention(found)]


async def _ask(found: Surroundings, server: Homeserver) -> list[Finding]:
    try:
        findings = await homeserver.reachable(found, server)
    except Unanswered as error:
        mend = "Start it, or correct homeserver in [bridge]. Nothing is lost meanwhile: everything waits."
        return [
            wrong("homeserver", f"The homeserver does not answer: {error.why}.", mend),
            *(unseen(check, "Not looked at: the homeserver does not answer.") for check, _ in ASKED),
        ]
    for check, asked in ASKED:
        try:
            findings += await asked(found, server)
        except Unanswered as error:
            findings.append(unseen(check, f"Not looked at: {error.why}."))
        except Unavailable:
            findings.append(unseen(check, NO_DATABASE))
    return findings


def is_well(findings: Sequence[Finding]) -> bool:
    return not any(finding.level is Level.WRONG for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{SIGNS[finding.level]} {finding.check:14} {finding.says}")
        if finding.mend is not None:
            lines.append(f"  {'':14} → {finding.mend}")
    number = sum(finding.level is Level.WRONG for finding in findings)
    told = {0: "All is well.", 1: "One thing is to be mended."}.get(number, f"{number} things are to be mended.")
    return "\n".join([*lines, "", told])


def as_json(findings: Sequence[Finding]) -> str:
    """One object: `well`, and `findings` with check, level, says and mend (null where there is nothing to mend)."""
    told = [{"check": each.check, "level": each.level.value, "says": each.says, "mend": each.mend} for each in findings]
    return json.dumps({"well": is_well(findings), "findings": told}, indent=1, ensure_ascii=False)
