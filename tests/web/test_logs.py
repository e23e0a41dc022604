"""A canary: a planted name, Matrix id, token and title sing in no log, error page or refusal, whatever happens."""

import io
import logging

import pytest
import structlog

from deploy import logs as written_so
from facilitator import accounts
from facilitator.database import Database
from tests.clock import TurnedClock
from tests.web.sample import Sample
from tests.web.visitor import Visitor
from web import logs

NAME, PERSON, TITLE, PURPOSE = "Canaria", "@canary:birds.test", "Canary perch", "canarypurpose"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Everything structlog and logging write, as in production."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    before = structlog.get_config()
    written_so.configure()
    root.handlers = [*root.handlers, handler]
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(out))
    yield out
    structlog.configure(**before)


async def test_nothing_that_names_somebody_is_written_down(
    visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock, written: io.StringIO
) -> None:
    async with database.transaction() as db:
        account = await accounts.add_coordinator(db, name=NAME, matrix_id=PERSON, now=clock.now())
        token = await accounts.issue_link(db, account, now=clock.now())
    visitor.headers = {"Referer": f"https://panel.test/{token}", "User-Agent": NAME, "X-Forwarded-For": "203.0.113.9"}
    for path in (f"/sign-in/{token}", f"/nowhere/{token}", f"/?q={PERSON}"):
        await visitor.get(path)
    await visitor.post(f"/sign-in/{token}")
    await visitor.post(f"/sign-in/{token}")
    await visitor.get("/groups/new")
    form = {"name": TITLE, "purpose": PURPOSE, "language": "en", "time_zone": "Berlin"}
    group = (await visitor.post("/groups/new", form)).location
    await visitor.post("/groups/new", {**form, "name": f"{TITLE} sober"})
    await visitor.post(group.partition("?")[0] + "/members", {"matrix_id": PERSON})
    await visitor.post(group.partition("?")[0] + "/members", {"matrix_id": "@other" + PERSON})
    await visitor.ask(f"GET{NAME}", "/")
    await visitor.post("/groups/new", {**form, NAME: PERSON})
    assert written.getvalue().count('"event": "request"') >= 10
    for secret in (NAME, PERSON, "canary", TITLE, PURPOSE, token, visitor.cookie, visitor.form_token, "203.0.113.9",
                   "127.0.0.1", group.partition("?")[0].rpartition("/")[2]):  # fmt: skip
        assert secret not in written.getvalue(), secret


async def test_a_line_of_the_log_has_the_routes_template(visitor: Visitor, written: io.StringIO) -> None:
    await visitor.get("/sign-in/" + "x" * 43)
    line = written.getvalue()
    assert '"route": "/sign-in/{token}"' in line and '"status": 404' in line and '"method": "GET"' in line


def test_a_trace_is_written_without_what_it_was_about() -> None:
    try:
        raise ValueError(PERSON)
    except ValueError as error:
        assert PERSON not in " ".join(logs.where(error)) and "test_logs.py" in logs.where(error)[-1]
