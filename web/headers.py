"""The headers every answer carries, errors and static files included, so that no page can forget one."""

from aiohttp.web import Application, Request, StreamResponse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
UNUSED = (
    "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), "
    "geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), screen-wake-lock=(), serial=(), "
    "storage-access=(), usb=(), xr-spatial-tracking=()"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": UNUSED,
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "Server": "panel",
}
CLEAR = {"Clear-Site-Data": '"cache","cookies","storage"'}
"""Signing out leaves nothing of the panel on a shared phone."""


def put_on_everything(app: Application) -> None:
    async def put(_request: Request, response: StreamResponse) -> None:
        response.headers.update(HEADERS)

    app.on_response_prepare.append(put)
