"""The main navigation: the same places, in the same order, on every page, to those who may go there."""

from dataclasses import dataclass

from aiohttp.web import Application

from facilitator.accounts import SignedIn
from facilitator.errors import N_
from web import keys

PLACES = (
    ("home", N_("Home"), "home"),
    ("groups", N_("Groups"), "groups"),
    ("people", N_("People"), "people"),
    ("journal", N_("Journal"), "journal"),
    ("me", N_("My account"), "me"),
    ("help", N_("Help now"), "help"),
)
"""The name of the route, what it is called, and its icon."""


@dataclass(frozen=True)
class Place:
    """`current` is what aria-current says: this page, or a page within it."""

    label: str
    icon: str
    address: str
    current: str


def places(app: Application, signed_in: SignedIn | None, path: str) -> list[Place]:
    """Where one can go from the page at `path`."""
    rules = app[keys.WHO]
    return [
        Place(label, icon, address, _current(address, path))
        for name, label, icon in PLACES
        if ("GET", name) in rules and rules["GET", name].lets_in(signed_in)
        for address in [str(app.router[name].url_for())]
    ]


def _current(address: str, path: str) -> str:
    if path == address:
        return "page"
    return "true" if path.startswith(f"{address}/") else ""
