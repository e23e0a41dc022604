"""What the demo says when everything is ready: at most fifteen lines, with all one needs to try it."""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from facilitator.ids import UserId


@dataclass(frozen=True)
class Person:
    user_id: UserId
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Ready:
    """Everything is ready, and where: what `--ready-file` holds."""

    panel_url: str
    sign_in_link: str = field(repr=False)
    homeserver_url: str
    server_name: str
    bot_user_id: UserId
    members: tuple[Person, ...]


def announcement(ready: Ready, folder: Path, *, peer: bool) -> str:
    """All of it. `hearth` is named as one has to type it here."""
    widest = max(len(person.user_id) for person in ready.members)
    members = [f"{person.user_id:{widest}}  {person.password}" for person in ready.members]
    first = ready.members[0].user_id
    hearth = program()
    new_link = f"{hearth} coordinator link --matrix-id @ada:{ready.server_name} --settings {nearby(folder)}/hearth.toml"
    return "\n".join(
        [
            "Hearth is running. Ctrl-C stops it; started again, it is as it was.",
            f"  Panel       {ready.sign_in_link}",
            "              Ada's link: it works once, within an hour. For a new one:",
            f"              {new_link}",
            f"  Homeserver  {ready.homeserver_url}  (what to enter in a Matrix app before signing in)",
            f"  Members     {members[0]}",
            *(f"              {member}" for member in members[1:]),
            *(_with_peer(first) if peer else _without_peer(first, hearth)),
        ]
    )


def _without_peer(first: UserId, hearth: str) -> list[str]:
    return [
        "Try this: open the panel's link, start a group, make it ready, open it all the same. Invite",
        f"{first}, sign in as Ben in a Matrix app and join. Then schedule a weekly session for later",
        "today: its reminder comes at once. Write !help.",
        f"No Matrix app at hand? `{hearth} demo --peer` shows what Ben reads.",
    ]


def _with_peer(first: UserId) -> list[str]:
    return [
        "Ben's phone is a strict client: it reads only what comes from a verified device. It joins wherever he is",
        "invited and says here what it reads. Try it: start a group in the panel, open it all the same,",
        f"invite {first}, and when he has joined schedule a weekly session for later today.",
    ]


def program() -> str:
    beside = Path(sys.executable).parent / "hearth"
    return "hearth" if shutil.which("hearth") == str(beside) else str(nearby(beside))


def nearby(folder: Path) -> Path:
    """The folder as one would type it from here."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
