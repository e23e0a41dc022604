"""Every URL of the panel on one page, and who may use it."""

from dataclasses import dataclass

from aiohttp.typedefs import Handler
from aiohttp.web import Application

from web import static
from web.pages import (
    deletions,
    details,
    events,
    facilitators,
    groups,
    health,
    help_lines,
    home,
    journal,
    journal_file,
    kept,
    languages,
    lives,
    me,
    members,
    numbers,
    people,
    rooms,
    sessions,
    sign_ins,
    style,
    waivers,
)
from web.who import Who

ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
GROUP = "/groups/{group:" + ID + "}"
SERIES = GROUP + "/sessions/{series:" + ID + "}"
MEMBER = GROUP + "/members/{member:" + ID + "}"
FACILITATOR = GROUP + "/facilitators/{account:" + ID + "}"
PERSON = "/people/{account:" + ID + "}"
LINK = "/sign-in/{token:[A-Za-z0-9_-]{20,100}}"


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    name: str
    handler: Handler
    who: Who


ROUTES = (
    Route("GET", "/", "landing", sign_ins.landing, Who.ANYONE),
    Route("GET", LINK, "link", sign_ins.show_link, Who.ANYONE),
    Route("POST", LINK, "link", sign_ins.use_link, Who.ANYONE),
    Route("POST", "/sign-out", "sign-out", sign_ins.sign_out, Who.ANYONE),
    Route("POST", "/leave", "leave", sign_ins.leave, Who.ANYONE),
    Route("POST", "/language", "language", languages.choose, Who.ANYONE),
    Route("GET", "/help", "help", help_lines.show, Who.ANYONE),
    Route("GET", "/home", "home", home.show, Who.SIGNED_IN),
    Route("GET", "/numbers", "numbers", numbers.of_all, Who.SIGNED_IN),
    Route("GET", "/journal", "journal", journal.show, Who.SIGNED_IN),
    Route("GET", "/journal.csv", "journal-file", journal_file.as_file, Who.SIGNED_IN),
    Route("GET", "/events", "events", events.follow, Who.SIGNED_IN),
    Route("GET", "/groups", "groups", groups.list_mine, Who.SIGNED_IN),
    Route("GET", "/groups/new", "new-group", groups.new, Who.SIGNED_IN),
    Route("POST", "/groups/new", "new-group", groups.start, Who.SIGNED_IN),
    Route("GET", "/groups/deleted", "deleted-groups", deletions.list_deleted, Who.SIGNED_IN),
    Route("GET", GROUP, "group", groups.show, Who.SIGNED_IN),
    Route("GET", GROUP + "/edit", "edit-group", details.ask, Who.SIGNED_IN),
    Route("POST", GROUP + "/edit", "edit-group", details.edit, Who.SIGNED_IN),
    Route("GET", GROUP + "/ready", "ready-group", lives.ask_to_open, Who.SIGNED_IN),
    Route("POST", GROUP + "/ready", "ready-group", lives.open_group, Who.SIGNED_IN),
    Route("GET", GROUP + "/pause", "pause-group", lives.ask_to_pause, Who.SIGNED_IN),
    Route("POST", GROUP + "/pause", "pause-group", lives.pause, Who.SIGNED_IN),
    Route("POST", GROUP + "/resume", "resume-group", lives.resume, Who.SIGNED_IN),
    Route("GET", GROUP + "/close", "close-group", lives.ask_to_close, Who.SIGNED_IN),
    Route("POST", GROUP + "/close", "close-group", lives.close, Who.SIGNED_IN),
    Route("POST", GROUP + "/reopen", "reopen-group", lives.reopen, Who.SIGNED_IN),
    Route("GET", GROUP + "/delete", "delete-group", deletions.ask_to_delete, Who.SIGNED_IN),
    Route("POST", GROUP + "/delete", "delete-group", deletions.delete_group, Who.SIGNED_IN),
    Route("POST", GROUP + "/undelete", "undelete-group", deletions.undelete, Who.SIGNED_IN),
    Route("GET", GROUP + "/journal", "group-journal", journal.of_group, Who.SIGNED_IN),
    Route("GET", GROUP + "/numbers", "group-numbers", numbers.of_group, Who.SIGNED_IN),
    Route("GET", GROUP + "/room/new", "renew-room", rooms.ask_to_renew, Who.SIGNED_IN),
    Route("POST", GROUP + "/room/new", "renew-room", rooms.renew, Who.SIGNED_IN),
    Route("POST", GROUP + "/room/ask-back", "ask-back", rooms.ask_back, Who.SIGNED_IN),
    Route("POST", GROUP + "/members", "invite", members.invite, Who.SIGNED_IN),
    Route("GET", MEMBER + "/remove", "remove-member", members.ask_to_remove, Who.SIGNED_IN),
    Route("POST", MEMBER + "/remove", "remove-member", members.remove, Who.SIGNED_IN),
    Route("POST", MEMBER + "/identity", "it-was-them", members.it_was_them, Who.SIGNED_IN),
    Route("POST", MEMBER + "/readmit", "readmit", members.readmit, Who.SIGNED_IN),
    Route("GET", GROUP + "/facilitators", "facilitators", facilitators.show, Who.SIGNED_IN),
    Route("POST", GROUP + "/facilitators", "facilitators", facilitators.add, Who.SIGNED_IN),
    Route("POST", FACILITATOR + "/part", "change-part", facilitators.change_part, Who.SIGNED_IN),
    Route("GET", FACILITATOR + "/remove", "remove-facilitator", facilitators.ask_to_remove, Who.SIGNED_IN),
    Route("POST", FACILITATOR + "/remove", "remove-facilitator", facilitators.remove, Who.SIGNED_IN),
    Route("GET", GROUP + "/leave", "leave-group", facilitators.ask_to_leave, Who.SIGNED_IN),
    Route("POST", GROUP + "/leave", "leave-group", facilitators.leave, Who.SIGNED_IN),
    Route("GET", GROUP + "/sessions/new", "new-series", sessions.new, Who.SIGNED_IN),
    Route("POST", GROUP + "/sessions/new", "new-series", sessions.schedule_series, Who.SIGNED_IN),
    Route("GET", SERIES + "/end", "end-series", sessions.ask_to_end, Who.SIGNED_IN),
    Route("POST", SERIES + "/end", "end-series", sessions.end, Who.SIGNED_IN),
    Route("POST", "/kept", "throw-away", kept.throw_away, Who.SIGNED_IN),
    Route("GET", "/style", "style", style.show, Who.SIGNED_IN),
    Route("GET", "/people", "people", people.list_all, Who.COORDINATOR),
    Route("GET", "/people/new", "new-person", people.new, Who.COORDINATOR),
    Route("POST", "/people/new", "new-person", people.add, Who.COORDINATOR),
    Route("GET", PERSON, "person", people.show, Who.COORDINATOR),
    Route("POST", PERSON + "/link", "person-link", people.fresh_link, Who.COORDINATOR),
    Route("POST", PERSON + "/role", "person-role", people.change_role, Who.COORDINATOR),
    Route("GET", PERSON + "/disable", "disable-person", people.ask_to_disable, Who.COORDINATOR),
    Route("POST", PERSON + "/disable", "disable-person", people.disable, Who.COORDINATOR),
    Route("POST", PERSON + "/enable", "enable-person", people.enable, Who.COORDINATOR),
    Route("GET", PERSON + "/free", "free-person", people.ask_to_free, Who.COORDINATOR),
    Route("POST", PERSON + "/free", "free-person", people.free, Who.COORDINATOR),
    Route("GET", "/people" + GROUP, "give-away", people.ask_to_give_away, Who.COORDINATOR),
    Route("POST", "/people" + GROUP, "give-away", people.give_away, Who.COORDINATOR),
    Route("GET", "/people" + GROUP + "/open", "waive", waivers.ask, Who.COORDINATOR),
    Route("POST", "/people" + GROUP + "/open", "waive", waivers.waive, Who.COORDINATOR),
    Route("GET", "/me", "me", me.show, Who.SIGNED_IN),
    Route("POST", "/me", "me", me.save, Who.SIGNED_IN),
    Route("POST", "/me/sign-ins", "sign-out-elsewhere", me.sign_out_elsewhere, Who.SIGNED_IN),
    Route("GET", "/me/matrix-id", "matrix-id", me.matrix_id, Who.SIGNED_IN),
    Route("POST", "/me/matrix-id", "matrix-id", me.claim, Who.SIGNED_IN),
    Route("POST", "/me/matrix-id/drop", "drop-claim", me.drop_claim, Who.SIGNED_IN),
    Route("GET", "/livez", "livez", health.live, Who.UNASKED),
    Route("GET", "/readyz", "readyz", health.ready, Who.UNASKED),
    Route("GET", "/static/{file:[a-zA-Z0-9./-]{1,80}}", "static", static.serve, Who.UNASKED),
)


def rules() -> dict[tuple[str, str], Who]:
    return {(route.method, route.name): route.who for route in ROUTES}


def add_to(app: Application) -> None:
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler, name=route.name)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.handler, name=route.name)
