"""A group's name, purpose, language and zone: who saves second sees what the first saved."""

import pytest

from facilitator import editing, groups
from facilitator.editing import ChangedMeanwhile, Details
from tests import cast
from tests.cast import ADA
from tests.facilitator.scene import NOW, Scene
from tests.facilitator.test_lives import do, noted, row


async def edit(scene: Scene, version: int, **changed: str) -> bool:
    details = {"name": "Maple room", "purpose": cast.PURPOSE, "language": "en", "time_zone": "Europe/Berlin"} | changed
    saved: bool = await do(scene, editing.edit, version=version, details=Details(**details))
    return saved


async def test_an_edit_is_saved_noted_and_shown_in_the_room(any_scene: Scene) -> None:
    scene = any_scene
    version, revision = (await row(scene)).version, await scene.revision()
    assert await edit(scene, version, name=" Elm room ", language="de")
    found = await row(scene)
    assert (found.name, found.language, found.version) == ("Elm room", "de", version + 1)
    assert await scene.revision() > revision and (await scene.wanted()).name == "Elm room"
    assert [verb for verb, *_ in await noted(scene)].count("group edited") == 2
    assert not await edit(scene, version + 1, name="Elm room", language="de"), "nothing was changed"


async def test_whoever_saves_second_is_shown_what_the_first_saved(any_scene: Scene) -> None:
    scene = any_scene
    version = (await row(scene)).version
    await edit(scene, version, name="Elm room")
    with pytest.raises(ChangedMeanwhile) as meanwhile:
        await edit(scene, version, purpose="Another purpose")
    assert (meanwhile.value.now.name, meanwhile.value.version) == ("Elm room", version + 1)
    assert "Elm" not in repr(meanwhile.value.now) and "Elm" not in str(meanwhile.value)
    assert (await row(scene)).purpose == cast.PURPOSE


async def test_a_name_taken_over_from_the_room_counts_as_a_change(scene: Scene) -> None:
    version = (await row(scene)).version
    async with scene.database.transaction() as db:
        assert await groups.renamed_on_matrix(
            db,
            scene.group,
            "Elm room",
            by=ADA,
            because_of="$renamed",
            now=NOW,  # type: ignore[arg-type]
        )
    with pytest.raises(ChangedMeanwhile):
        await edit(scene, version, name="Oak room")
