"""Addresses made of the templates in `web/routes.py`, so that a new route is tested without being named."""


def path_of(template: str, parts: dict[str, str]) -> str:
    """An address made of a route's template."""
    path = template
    for name, value in parts.items():
        start = path.find("{" + name + ":")
        while start >= 0:
            path = path[:start] + value + path[closing(path, start) + 1 :]
            start = path.find("{" + name + ":")
    return path


def closing(path: str, start: int) -> int:
    depth = 0
    for place in range(start, len(path)):
        depth += {"{": 1, "}": -1}.get(path[place], 0)
        if depth == 0:
            return place
    raise AssertionError(path)
