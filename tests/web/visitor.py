"""Somebody with a browser, for tests: keeps the one cookie, sends what browsers send, fills in the form token."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode

from aiohttp import ClientSession, DummyCookieJar

HOST = "panel.test"
COOKIE = re.compile(r"^(__Host-s|s)=([^;]*)")
TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass(frozen=True)
class Page:
    status: int
    text: str
    headers: Mapping[str, str]
    location: str = ""

    @property
    def words(self) -> str:
        """What a person reads: no tags, no entities, single spaces."""
        without_isolation = re.sub(r"</?bdi[^>]*>", "", self.text)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", without_isolation)).split())


@dataclass
class Visitor:
    """`cookie` is the token of the sign-in, empty when signed out; `form_token` what its forms carry."""

    session: ClientSession
    base: str
    cookie: str = ""
    form_token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Page:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Page:
        """As a form on a page of the panel would be sent."""
        token = {"form_token": self.form_token} if self.form_token else {}
        return await self.ask("POST", path, fields={**token, **(fields or {})}, headers=headers)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Page:
        sent = {"Host": HOST, "Sec-Fetch-Site": "same-origin", **self.headers}
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.cookie:
            sent["Cookie"] = f"__Host-s={self.cookie}"
        sent = {name: value for name, value in sent.items() if value}
        if fields is not None:
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
            body = urlencode(fields).encode()
        async with self.session.request(
            method, self.base + path, headers=sent, data=body, allow_redirects=False
        ) as answer:
            page = Page(answer.status, await answer.text(), dict(answer.headers), answer.headers.get("Location", ""))
            for line in answer.headers.getall("Set-Cookie", []):
                if found := COOKIE.match(line):
                    self.cookie = found[2].strip('"')
        if token := TOKEN.search(page.text):
            self.form_token = token[1]
        return page


def new_session() -> ClientSession:
    return ClientSession(cookie_jar=DummyCookieJar())


def made_with(page: Page, field: str) -> str:
    """The id a form was made with, in its hidden field of this name."""
    found = re.search(rf'<input type="hidden" name="{field}" value="([0-9a-f-]{{36}})">', page.text)
    assert found is not None
    return found[1]
