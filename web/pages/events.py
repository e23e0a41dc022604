"""A page that follows what happens: the browser is told that it has changed, and asks for it again. Nothing else is
said here: no name, no id, no words.
"""

from aiohttp.web import Request, Response, StreamResponse

from facilitator.chronicle import OUR_ID
from facilitator.errors import NotFound
from web import keys
from web.live import HOME, NOT_THERE, Stream

BACK_AFTER = 15_000
"""Milliseconds until a browser that lost us asks again."""


async def follow(request: Request) -> StreamResponse:
    page = request.query.get("page", "")
    if request.method == "HEAD" or not page:
        return Response(status=204)
    if page != HOME and OUR_ID.fullmatch(page) is None:
        raise NotFound(NOT_THERE)
    live, signed_in = request.config_dict[keys.LIVE], request[keys.SIGNED_IN]
    stream = await live.follow(signed_in, request[keys.COOKIE_TOKEN], page, gone=lambda: request.transport is None)
    if stream is None:
        return Response(status=204)  # browsers do not ask again then
    response = StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"})
    try:
        await response.prepare(request)
        await tell(response, stream)
    except ConnectionError:  # they have closed the page
        pass
    finally:
        live.leave(stream)
    return response


async def tell(response: StreamResponse, stream: Stream) -> None:
    """A line of comment now and then shows both sides, and what stands between, that the line still holds."""
    await response.write(f"retry: {BACK_AFTER}\n\n".encode())
    while True:
        event = await stream.next()
        await response.write(f"event: {event}\ndata: page\n\n".encode() if event else b":\n\n")
        if event == "over":
            return
