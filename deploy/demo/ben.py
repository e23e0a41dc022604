"""Ben's phone in a demo: a strict client nobody here wrote, which joins where he is invited and says what it reads.

It deals only with devices their owners have signed, as phones begin to do: what it reads, members will be able to read.
"""

from pathlib import Path

from deploy.demo import people
from deploy.demo.example import Example
from deploy.demo.folder import Folder
from deploy.demo.words import Ready
from deploy.peer import Line, Peer
from facilitator.clock import Clock

NAME = people.MEMBERS[0]


async def follow(folder: Folder, settings: Path, ready: Ready, clock: Clock) -> None:
    """Sign in as Ben and print what comes, until cancelled."""
    example = Example(folder, settings, clock)
    peer = await Peer.start(folder.path / "ben.log")
    try:
        await peer.login(ready.homeserver_url, NAME, folder.password(NAME), accept=True)
        tell("Ben's phone is signed in; its device is signed by its owner.")
        if await example.open():
            tell("There was no group yet, so the demo has opened one as an example and invited Ben.")
        async for line in peer.follow():
            if words := heard(line):
                tell(words)
            if line["event"] == "membership" and line["membership"] == "join" and await example.meet():
                tell("The example group's next session is planned; a reminder of it is due now.")
    finally:
        await peer.sign_out()
        await peer.stop()


def heard(line: Line) -> str | None:
    """One report of the client, for people to read."""
    match line["event"]:
        case "message" if not line["encrypted"]:
            return f"Ben's phone shows a message that was NOT encrypted: {body_of(line)}"
        case "message" if line["shield"] == "none":
            return f"Ben's phone decrypted, no warning: {body_of(line)}"
        case "message":
            return f"Ben's phone decrypted, and warns ({line['shield_reason']}): {body_of(line)}"
        case "unreadable" if str(line["code"]).startswith("HISTORICAL"):
            return None  # from before this sign-in: its keys went with the device of last time
        case "unreadable":
            return f"Ben's phone could not read a message ({line['code']})."
        case "membership" if line["membership"] == "join":
            return "Ben's phone has joined a room."
        case "membership" if line["membership"] == "invite":
            return "Ben's phone got an invitation."
    return None


def body_of(line: Line) -> str:
    """Safe to print: whoever wrote it must not speak to this terminal."""
    lines = [printable(text) for text in str(line.get("body", "")).splitlines() if text.strip()]
    return "\n    ".join(lines)


def printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def tell(words: str) -> None:
    print(words, flush=True)
