"""Every answer carries every header, whatever went wrong before it."""

import asyncio

import pytest

from tests.web.paths import path_of
from tests.web.sample import Sample
from tests.web.visitor import Page, Visitor
from web.headers import HEADERS
from web.routes import ROUTES

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def assert_guarded(page: Page) -> None:
    assert {name: page.headers.get(name) for name in HEADERS} == HEADERS


async def test_every_route_answers_with_every_header(ada: Visitor, visitor: Visitor, cast: Sample) -> None:
    parts = {"group": cast.settled, "series": cast.series, "token": "x" * 43, "file": "panel.css"}
    for route in ROUTES:
        path = path_of(route.path, parts)
        for who in (visitor, ada):
            assert_guarded(await who.ask(route.method, path, fields={}))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/", 405), ("TRACE", "/", 405), ("OPTIONS", "/groups", 405),
     ("GET", "/static/../app.py", 404), ("GET", "/groups", 401), ("HEAD", "/help", 200)],
)  # fmt: skip
async def test_errors_carry_them_too(visitor: Visitor, method: str, path: str, status: int) -> None:
    page = await visitor.ask(method, path)
    assert page.status == status
    assert_guarded(page)


async def test_a_body_that_is_too_large_is_refused_with_them(ada: Visitor) -> None:
    page = await ada.ask("POST", "/groups/new", body=b"name=" + b"x" * 100_000, headers=FORM)
    assert page.status == 413
    assert "shorten" in page.words
    assert_guarded(page)


async def test_an_answer_to_what_is_no_http_has_them_and_names_no_software(visitor: Visitor) -> None:
    host, port = visitor.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n")
    answer = (await reader.read(65536)).decode()
    writer.close()
    await writer.wait_closed()
    assert " 400 " in answer.splitlines()[0]
    for name, value in HEADERS.items():
        assert f"{name}: {value}" in answer
    assert "aiohttp" not in answer and "Python" not in answer


async def test_pages_say_what_they_are(ada: Visitor) -> None:
    assert (await ada.get("/groups")).headers["Content-Type"] == "text/html; charset=utf-8"
    assert (await ada.get("/static/panel.css")).headers["Content-Type"] == "text/css; charset=utf-8"
    assert (await ada.get("/static/icon.svg")).headers["Content-Type"] == "image/svg+xml; charset=utf-8"
