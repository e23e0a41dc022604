"""Alive, and able to serve: two plain answers for whoever watches over the panel."""

from tests.web.visitor import Visitor


async def test_it_is_alive_and_ready(visitor: Visitor) -> None:
    for path in ("/livez", "/readyz"):
        page = await visitor.get(path)
        assert (page.status, page.text) == (200, "ok\n")


async def test_without_its_database_it_is_alive_but_not_ready(outsider: Visitor) -> None:
    assert (await outsider.get("/livez")).status == 200
    page = await outsider.get("/readyz")
    assert page.status == 503 and "127.0.0.1" not in page.text and "postgresql" not in page.text
