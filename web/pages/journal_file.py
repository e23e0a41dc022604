"""The journal as a file for spreadsheets, made and sent in pieces: a long one would keep everybody else waiting."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

from aiohttp.web import Request, Response, StreamResponse

from facilitator import chronicle
from facilitator.chronicle import Cursor, Entry, Person
from facilitator.errors import N_
from web import chosen_language, deeds, keys, spreadsheet
from web.pages import journal

FILE_NAME = "journal.csv"
HEADINGS = (N_("When (UTC)"), N_("Group"), N_("What happened"))
PIECE = 250
"""Entries: a page's worth of work."""


async def as_file(request: Request) -> StreamResponse:
    """The newest entries of what was asked for. Members have no name in it, and reasons, which may name them, stay
    out of it: a file travels."""
    pieces = _pieces(request)
    first = await anext(pieces)  # what cannot be read is said on a page, as long as nothing was sent
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    if request.method == "HEAD":
        return Response(headers=headers)
    response = StreamResponse(headers=headers)
    try:
        await response.prepare(request)
        await response.write(first)
        async for piece in pieces:
            await response.write(piece)
    except ConnectionError:  # nobody waits for it any more
        pass
    except BaseException:  # half a file that looks whole is worse than one that breaks off
        if request.transport is not None:
            request.transport.abort()
        raise
    return response


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """Each is read by itself, from where the last one ended; between two of them others have their turn."""
    app, signed_in = request.config_dict, request[keys.SIGNED_IN]
    say = app[keys.TEMPLATES].catalogues[chosen_language.of(request)].gettext
    asked = journal.asked(request)
    before: Cursor | None = None
    text = spreadsheet.written([[say(each) for each in HEADINGS]])
    for _ in range(chronicle.IN_A_FILE // PIECE):
        async with app[keys.DATABASE].reading() as db:
            page = await chronicle.read(
                db, by=signed_in.account_id, role=signed_in.role, asked=asked, before=before, limit=PIECE
            )
        yield text + spreadsheet.lines(_row(entry, say) for entry in page.entries)
        text, before = b"", page.older
        if before is None:
            return
        await app[keys.CLOCK].sleep(timedelta())


def _row(entry: Entry, say: Any) -> tuple[str, ...]:
    places = {"who": _called(entry.actor, deeds.WHO, say)}
    if entry.subject is not None:
        places["whom"] = _called(entry.subject, deeds.WHOM, say)
    sentence = say(deeds.of(entry)) % places
    return entry.at.isoformat(" ", "seconds")[: len("2026-11-02 12:00:00")], entry.group, sentence


def _called(person: Person, nameless: Mapping[str, str], say: Any) -> str:
    return person.called if person.kind == "facilitator" else str(say(nameless[person.kind]))
