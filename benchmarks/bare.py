"""The limit of a page: a bare aiohttp handler that renders the same bytes, from memory, through the same template.

A process of its own. It asks the panel's own application once for each page, keeps what the template was given, and
from then on only renders. Told on its standard input who looks at what; says on its output which pages there are.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any

import aiohttp
import structlog
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, AppRunner, Request, Response, TCPSite

from deploy import commands
from facilitator.clock import Clock
from facilitator.database import Database, KeyRing, connect
from facilitator.database.wakeup import open_bell
from web import keys, routes
from web.app import build_app

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # its output is read

NO_PAGES = ("events", "link", "livez", "readyz", "static")


async def main(settings: Path, port: int, cookie: str, parts: Mapping[str, str]) -> None:
    house, web = commands.house_of(settings), commands.panel_of(settings)
    database = connect(house.database_url, people=KeyRing.load(house.people_key))
    bell = open_bell(house.database_url, house.data_dir)
    app, bare = build_app(web, house=house, database=database, bell=bell, clock=Clock()), Application()
    headers = {"Host": web.allowed_host, "Cookie": f"{web.cookie}={cookie}"}
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as browser,
    ):
        learned = {
            path: await _learn(path, app, bare, database, browser, str(server.make_url("")))
            for path in _paths(app, parts)
        }
    await bell.close()
    await database.close()
    runner = AppRunner(bare, access_log=None)
    await runner.setup()
    await TCPSite(runner, "127.0.0.1", port).start()
    print(json.dumps(learned), flush=True)
    await asyncio.Event().wait()


def _paths(app: Application, parts: Mapping[str, str]) -> list[str]:
    """Every page there is, with something real in each place of its address. Raises KeyError when a place has none."""
    names = [route.name for route in routes.ROUTES if route.method == "GET" and route.name not in NO_PAGES]
    paths = []
    for name in names:
        resource = app.router[name]
        info = resource.get_info()
        places = [place for _, place, _, _ in Formatter().parse(info.get("formatter", "")) if place]
        paths.append(str(resource.url_for(**{place: parts[place] for place in places})))
    return paths


async def _learn(
    path: str, app: Application, bare: Application, database: Database, browser: aiohttp.ClientSession, base: str
) -> dict[str, int]:
    """What the template is given for this page, how long the page is, and how many statements it took."""
    templates = app[keys.TEMPLATES]
    given: list[tuple[str, str, dict[str, Any]]] = []
    render = templates.render

    def remembered(tongue: str, template: str, **values: Any) -> str:
        given.append((tongue, template, values))
        return render(tongue, template, **values)

    templates.render = remembered  # type: ignore[method-assign]
    before = database.statements
    async with browser.get(base.rstrip("/") + path, allow_redirects=False) as answer:
        body, kind, status = await answer.read(), answer.content_type, answer.status
    templates.render = render  # type: ignore[method-assign]

    async def again(_: Request) -> Response:
        if not given:  # no template: the bytes as they are
            return Response(body=body, content_type=kind)
        tongue, template, values = given[0]
        return Response(text=render(tongue, template, **values), content_type=kind)

    bare.router.add_get(path, again)
    return {"status": status, "statements": database.statements - before, "bytes": len(body)}


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), **json.load(sys.stdin)))
