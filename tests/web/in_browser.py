"""The panel in a real browser, for tests: on a free port, watched for complaints and for requests to strangers."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from facilitator import accounts
from facilitator.database import Database
from facilitator.ids import AccountId
from tests.clock import TurnedClock
from tests.web.sample import Sample

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@dataclass
class Panel:
    """The panel, its sample data, and a browser. `complaints`: what the console said, `strangers`: foreign requests."""

    url: str
    browser: Browser
    database: Database
    clock: TurnedClock
    cast: Sample
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    async def link(self, account: AccountId) -> str:
        async with self.database.transaction() as db:
            return f"{self.url}/sign-in/{await accounts.issue_link(db, account, now=self.clock.now())}"

    @asynccontextmanager
    async def visit(self, **options: Any) -> AsyncIterator[Page]:
        context = await self.browser.new_context(**options)
        try:
            yield await self._watched(context)
        finally:
            await context.close()

    @asynccontextmanager
    async def ada(self, **options: Any) -> AsyncIterator[Page]:
        """Signed in, on the first page."""
        async with self.visit(**options) as page:
            await self.sign_in(page, self.cast.ada)
            yield page

    async def sign_in(self, page: Page, account: AccountId) -> None:
        await page.goto(await self.link(account))
        await page.locator("main form button[type=submit]").first.click()

    async def _watched(self, context: BrowserContext) -> Page:
        context.set_default_timeout(10_000)
        page = await context.new_page()
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        return page

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "the server responded with a status of 4" not in text:
            self.complaints.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith(self.url):
            self.strangers.append(url)


@asynccontextmanager
async def opened(url: str, database: Database, clock: TurnedClock, cast: Sample) -> AsyncIterator[Panel]:
    """A browser on the panel at `url`. Afterwards: the console had nothing to complain of, and nobody else was asked
    for anything."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        panel = Panel(url, browser, database, clock, cast)
        yield panel
        await browser.close()
    assert not panel.complaints, panel.complaints
    assert not panel.strangers, panel.strangers


async def violations(page: Page) -> list[str]:
    """What axe finds, by rule and place. The context has to be opened with `bypass_csp`."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    options = {**WCAG, "resultTypes": ["violations"]}
    found = await page.evaluate("options => axe.run(options).then(found => found.violations)", options)
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


async def says(page: Page, *sentences: str) -> None:
    words = " ".join((await page.inner_text("body")).split())
    for sentence in sentences:
        assert sentence in words, words
