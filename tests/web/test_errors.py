"""Failures as pages: what happened, what to do, a number to quote; never a trace."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from aiohttp.web import Application, Request, Response

from tests.web.conftest import Serve
from tests.web.sample import Sample
from tests.web.visitor import Visitor, new_session
from web import keys
from web.who import Who


async def test_a_page_that_is_not_there_says_where_to_go(visitor: Visitor) -> None:
    page = await visitor.get("/nowhere")
    assert page.status == 404 and "There is no such page here." in page.words and 'href="/"' in page.text
    assert "Number of this request" in page.words


async def test_a_bug_is_a_page_without_a_trace(
    app: Application, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    async def burst(_request: Request) -> Response:
        raise RuntimeError("@secret:chat.test")

    app.router.add_get("/burst", burst, name="burst")
    app[keys.WHO][("GET", "burst")] = Who.ANYONE  # type: ignore[index]
    async with new_session() as session:
        page = await Visitor(session, await serve(app)).get("/burst")
    number = page.words.partition("Number of this request: ")[2].split()[0]
    assert page.status == 500 and "our mistake, not yours" in page.words
    written = capsys.readouterr().out
    assert "RuntimeError" in written and number in written and "burst" in written
    for text in (page.text, written):
        assert "@secret" not in text
    assert "Traceback" not in page.text and "RuntimeError" not in page.text


async def test_a_database_that_is_away_is_said_kindly(outsider: Visitor) -> None:
    outsider.cookie = "x" * 43
    page = await outsider.get("/groups")
    assert page.status == 503 and page.headers["Retry-After"] == "5"
    assert "Nothing was changed." in page.words and "wait a few seconds" in page.words


async def test_what_was_typed_into_bad_weather_is_sent_again_by_one_button(outsider: Visitor) -> None:
    outsider.cookie, outsider.form_token = "x" * 43, "y" * 43
    typed = {"name": "Cedar room", "purpose": '"Talking"\nby the <fire>'}
    page = await outsider.post("/groups/new", typed)
    assert page.status == 503 and "Try again" in page.words
    assert 'name="name" value="Cedar room"' in page.text and f'name="form_token" value="{"y" * 43}"' in page.text
    assert 'value="&#34;Talking&#34;\nby the &lt;fire&gt;"' in page.text
    foreign = await outsider.post("/groups/new", typed, Sec_Fetch_Site="cross-site")
    assert foreign.status == 503 and "Cedar" not in foreign.text


async def test_the_way_to_help_and_the_first_page_are_open_even_then(outsider: Visitor) -> None:
    outsider.cookie = "x" * 43
    page = await outsider.get("/help")
    assert page.status == 200 and "The Listening Line 0800 000 000" in page.words and "Call 112" in page.words
    assert (await outsider.get("/")).status == 200


async def test_help_and_leaving_wait_a_moment_for_a_busy_database_and_no_longer(
    ada: Visitor, cast: Sample, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "hearth.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    async with asyncio.timeout(4):
        assert "Call 112" in (await ada.get("/help")).words
        assert (await ada.get("/static/panel.css")).status == 200
    copied = Visitor(ada.session, ada.base, ada.cookie)
    async with asyncio.timeout(4):
        assert (await copied.post("/leave")).status == 200 and not copied.cookie
    other.execute("ROLLBACK")
    other.close()
    assert (await ada.get("/groups")).status == 200


async def test_a_database_that_stays_busy_is_an_apology_within_six_seconds(
    ada: Visitor, cast: Sample, tmp_path: Path
) -> None:
    await ada.get("/groups/new")
    other = sqlite3.connect(tmp_path / "hearth.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    form = {"name": "Cedar room", "purpose": "Talking", "language": "en", "time_zone": "Berlin"}
    async with asyncio.timeout(8):
        page = await ada.post("/groups/new", form)
    assert page.status == 503 and "Nothing was changed." in page.words and 'value="Cedar room"' in page.text
    other.execute("ROLLBACK")
    other.close()
    assert (await ada.post("/groups/new", form)).status == 303


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", "text/plain"])
async def test_what_is_no_form_of_ours_is_refused(ada: Visitor, cast: Sample, kind: str) -> None:
    page = await ada.ask("POST", "/groups/new", body=b"name=x", headers={"Content-Type": kind})
    assert page.status == 400 and "did not come from a page of this panel" in page.words


@pytest.mark.parametrize("body", [b"name=%ff", b"\xff\xfe", b"a=1&a=2", b"&".join([b"a%d=1" % n for n in range(99)])])
async def test_a_damaged_form_is_refused(ada: Visitor, body: bytes) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-7"}
    page = await ada.ask("POST", "/groups/new", body=body, headers=kind)
    assert page.status == 400 and "damaged" in page.words


async def test_a_wrong_way_of_asking_names_the_right_ones(ada: Visitor) -> None:
    page = await ada.ask("DELETE", "/groups/new")
    assert page.status == 405 and page.headers["Allow"] == "GET,HEAD,POST"
