"""Every page there is, by the name of its route, in the states worth looking at. A new page without an entry fails."""

from dataclasses import dataclass

from tests.web.gallery import Gallery
from tests.web.paths import path_of
from web.routes import ROUTES

NO_PAGES = {"journal-file", "events", "livez", "readyz", "static"}
"""What is asked for by GET and is no page for people."""
ADDRESSES = {route.name: route.path for route in ROUTES if route.method == "GET"}


@dataclass(frozen=True)
class View:
    """One look at a page. `of`: which group of the gallery; `account`: whose page; `signed_in`: by Ada or by nobody."""

    title: str
    of: str = "settled"
    query: str = ""
    account: str = "fay"
    signed_in: bool = True


VIEWS: dict[str, tuple[View, ...]] = {
    "landing": (View("The first page", signed_in=False),),
    "link": (View("A sign-in link that does not work", signed_in=False),),
    "help": (View("Help now"), View("Help now, for anybody", signed_in=False)),
    "home": (View("Home"),),
    "groups": (View("My groups"),),
    "new-group": (View("Start a group"),),
    "deleted-groups": (View("Deleted groups"),),
    "group": (
        View("A group", query="?done=invited"), View("A draft", of="draft"), View("A new group", of="new"),
        View("A paused group", of="paused"), View("A group that closes", of="closing"),
        View("A room in trouble", of="troubled"), View("A room made in an old way", of="old"),
    ),
    "edit-group": (View("Edit a group"),),
    "ready-group": (View("Make a group ready", of="draft"),),
    "waive": (View("Open a group that is not ready", of="draft"),),
    "pause-group": (View("Pause a group"),),
    "close-group": (View("Close a group"),),
    "delete-group": (View("Delete a group", of="draft"),),
    "group-journal": (View("The journal of a group"),),
    "group-numbers": (View("A group in numbers"),),
    "renew-room": (View("A new room for a group", of="old"),),
    "remove-member": (View("Remove somebody"),),
    "facilitators": (View("Who runs a group"),),
    "remove-facilitator": (View("Take somebody out of who runs a group"),),
    "leave-group": (View("Leave a group"),),
    "new-series": (View("Plan sessions"),),
    "end-series": (View("End sessions"),),
    "numbers": (View("All groups in numbers"),),
    "journal": (View("The journal"),),
    "style": (View("Every part of the look"),),
    "people": (View("People"),),
    "new-person": (View("Add somebody"),),
    "person": (View("Somebody's account"), View("A disabled account", account="gone")),
    "disable-person": (View("Disable an account"),),
    "free-person": (View("Take a Matrix ID off an account"),),
    "give-away": (View("Give a group away", of="lone"),),
    "me": (View("My account"),),
    "matrix-id": (View("Link a Matrix ID"),),
}  # fmt: skip


def every_view() -> list[tuple[str, View]]:
    return [(name, view) for name, views in VIEWS.items() for view in views]


def address(name: str, view: View, gallery: Gallery) -> str:
    parts = gallery.parts(view.of) | {"account": getattr(gallery, view.account)}
    return path_of(ADDRESSES[name], parts) + view.query
