"""The panel's own files, read once at the start. A name that is not among them is simply not there: no path is opened.

Fixed files hold no secret, so they may travel compressed; pages carry form tokens and do not (BREACH).
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

from aiohttp.web import Request, Response

from facilitator.errors import N_, NotFound

FOLDER = Path(__file__).parent / "static"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".md": "text/plain"}


@dataclass(frozen=True)
class File:
    content: bytes
    compressed: bytes
    kind: str


FILES = {
    str(path.relative_to(FOLDER)): File(path.read_bytes(), gzip.compress(path.read_bytes(), 9), KINDS[path.suffix])
    for path in sorted(FOLDER.rglob("*"))
    if path.suffix in KINDS
}


async def serve(request: Request) -> Response:
    file = FILES.get(request.match_info["file"])
    if file is None:
        raise NotFound(N_("There is no such file here."))
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    response = Response(body=file.compressed if packed else file.content, content_type=file.kind, charset="utf-8")
    response.headers["Vary"] = "Accept-Encoding"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    return response
