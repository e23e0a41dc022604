"""Nothing is changed for another website: fetch metadata, Origin, and the form token of the sign-in."""

import pytest

from tests.web.sample import Sample
from tests.web.visitor import HOST, Visitor

FORM = {"matrix_id": "@new:chat.test"}


def invitation(cast: Sample) -> str:
    return f"/groups/{cast.settled}/members"


async def test_a_form_of_ours_passes(ada: Visitor, cast: Sample) -> None:
    assert (await ada.post(invitation(cast), FORM)).status == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
async def test_a_request_another_site_made_is_refused(ada: Visitor, cast: Sample, site: str) -> None:
    page = await ada.post(invitation(cast), FORM, Sec_Fetch_Site=site, Origin=f"https://{HOST}")
    assert page.status == 403
    assert "another website" in page.words
    assert "@new:chat.test" not in (await ada.get(f"/groups/{cast.settled}")).text


@pytest.mark.parametrize(
    ("origin", "status"),
    [(f"https://{HOST}", 303), (f"http://{HOST}", 403), (f"https://{HOST}.evil.test", 403), ("null", 403), ("", 403)],
)
async def test_a_browser_without_fetch_metadata_is_judged_by_origin(
    ada: Visitor, cast: Sample, origin: str, status: int
) -> None:
    page = await ada.post(invitation(cast), FORM, Sec_Fetch_Site="", Origin=origin)
    assert page.status == status


@pytest.mark.parametrize("token", ["", "wrong", "ä", "\ud800".encode("utf-8", "replace").decode()])
async def test_a_form_without_this_sign_ins_token_is_refused(ada: Visitor, cast: Sample, token: str) -> None:
    page = await ada.ask("POST", invitation(cast), fields={**FORM, "form_token": token})
    assert page.status == 403
    assert "Open it anew" in page.words


async def test_a_token_of_anothers_sign_in_is_refused(ada: Visitor, dan: Visitor, cast: Sample) -> None:
    assert (await ada.post(invitation(cast), {**FORM, "form_token": dan.form_token})).status == 403


async def test_signing_in_from_another_site_is_refused(visitor: Visitor) -> None:
    """Else somebody could sign a facilitator in to an account they watch."""
    assert (await visitor.post("/sign-in/" + "x" * 43, {}, Sec_Fetch_Site="cross-site")).status == 403


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1", f"{HOST}.evil.test", f"{HOST}:444"])
async def test_another_host_is_not_answered(visitor: Visitor, host: str) -> None:
    page = await visitor.get("/", Host=host)
    assert page.status == 400
    assert "not known by that address" in page.words


async def test_whoever_watches_over_the_panel_may_use_any_address(visitor: Visitor) -> None:
    assert (await visitor.get("/livez", Host="10.0.0.7:8700")).status == 200
