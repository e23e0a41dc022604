"""Which page stands at an address: asked of the table of routes, without making a request of it."""

from aiohttp.web import Application


def page_at(app: Application, path: str) -> str | None:
    """The name of the page a browser would open there; None where nothing can be opened."""
    for resource in app.router.resources():
        info = resource.get_info()
        there = info["pattern"].fullmatch(path) if "pattern" in info else info.get("path") == path
        if there:
            for route in resource:
                if route.method == "GET":
                    return route.name
    return None
