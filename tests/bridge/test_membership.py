"""Whose word wins: leaving is the member's, removal and invitation a facilitator's, everything else the database's."""

from dataclasses import dataclass, replace

import pytest
from sqlalchemy import func, select

from bridge import membership
from bridge.heard import MembershipChanged
from facilitator import groups, members, rooms, roster
from facilitator.database.tables import Stranger
from facilitator.ids import EventId, GroupId, MatrixRoomId, RoomId, UserId
from facilitator.rooms import Place
from tests.cast import ADA, BEN, BOT, CLEO, DAN, EVE
from tests.journeys.running import Running

ROOM = MatrixRoomId("!room:test")


@dataclass
class Group:
    """A group Ada facilitates, and what is heard of its room. Dan facilitates elsewhere, Eve is a stranger."""

    house: Running
    id: GroupId
    place: Place

    async def hear(self, user: UserId, now_is: str, *, by: UserId | None = None, place: Place | None = None) -> None:
        now = self.house.clock.now()
        event = MembershipChanged(
            room=ROOM, event_id=EventId("$member"), sender=by or user, sent_at=now, user=user, membership=now_is
        )
        async with self.house.database.transaction() as db:
            await membership.changed(db, place or self.place, event, house=self.house.house, now=now)

    async def standings(self) -> dict[UserId, str]:
        async with self.house.database.reading() as db:
            return {line.matrix_id: line.standing for line in await roster.of_group(db, self.id)}

    async def strangers(self) -> int:
        async with self.house.database.reading() as db:
            return await db.scalar(select(func.count()).select_from(Stranger)) or 0

    async def revision(self) -> int:
        async with self.house.database.reading() as db:
            return (await rooms.wanted(db, self.place.id, now=self.house.clock.now())).revision

    async def due(self) -> list[RoomId]:
        async with self.house.database.reading() as db:
            return await rooms.due(db, self.house.house.bot, now=self.house.clock.now())


@pytest.fixture
async def group(running: Running) -> Group:
    """Settled: its room is there, and Ben asked in."""
    group_id = await running.open_group()
    await running.invite(group_id, BEN)
    await running.settle()
    async with running.database.reading() as db:
        place = await rooms.place(db, await rooms.group_room_id(db, group_id))
    assert place is not None
    return Group(running, group_id, place)


@pytest.mark.parametrize(
    ("user", "now_is", "by", "standing"),
    [
        (BEN, "join", BEN, "joined"),
        (BEN, "leave", BEN, "left"),  # declined
        (BEN, "leave", ADA, "removed"),  # their invitation was withdrawn
        (BEN, "ban", ADA, "removed"),
        (BEN, "leave", DAN, "invited"),  # no facilitator of this group: the database's word stands
        (BEN, "leave", EVE, "invited"),
        (BEN, "ban", EVE, "invited"),
        (BEN, "leave", BOT, "invited"),  # done too late, after they were asked in again
        (BEN, "invite", BOT, "invited"),
        (BEN, "knock", BEN, "invited"),
        (BEN, "invite", EVE, "invited"),
    ],
)
async def test_what_becomes_of_somebody_invited(
    group: Group, user: UserId, now_is: str, by: UserId, standing: str
) -> None:
    await group.hear(user, now_is, by=by)
    assert await group.standings() == {BEN: standing}


@pytest.mark.parametrize(
    ("now_is", "by", "standing"),
    [
        ("leave", BEN, "left"), ("leave", ADA, "removed"), ("ban", ADA, "removed"), ("leave", DAN, "wanted"),
        ("ban", EVE, "wanted"), ("leave", BOT, "wanted"), ("join", BEN, "joined"),
    ],
)  # fmt: skip
async def test_what_becomes_of_somebody_inside(group: Group, now_is: str, by: UserId, standing: str) -> None:
    await group.hear(BEN, "join")
    await group.hear(BEN, now_is, by=by)
    (found,) = (await group.standings()).values()
    assert found in (members.INSIDE if standing == "wanted" else (standing,))


@pytest.mark.parametrize("ended", ["left", "removed"])
@pytest.mark.parametrize(
    ("now_is", "by", "again"),
    [
        ("invite", ADA, True),
        ("invite", DAN, False),
        ("invite", EVE, False),
        ("join", BEN, False),
        ("knock", BEN, False),
    ],
)
async def test_only_a_facilitators_invitation_brings_somebody_back(
    group: Group, ended: str, now_is: str, by: UserId, again: bool
) -> None:
    await group.hear(BEN, "leave", by=BEN if ended == "left" else ADA)
    await group.hear(BEN, now_is, by=by)
    assert await group.standings() == {BEN: "invited" if again else ended}


@pytest.mark.parametrize(("by", "taken_in"), [(ADA, True), (DAN, False), (EVE, False), (BEN, False), (BOT, False)])
async def test_whom_a_facilitator_invites_in_their_own_client_is_taken_in_and_nobody_else(
    group: Group, by: UserId, taken_in: bool
) -> None:
    await group.hear(CLEO, "invite", by=by)
    assert await group.standings() == {BEN: "invited"} | ({CLEO: "invited"} if taken_in else {})


async def test_whom_a_facilitator_invites_from_a_server_that_is_not_allowed_is_a_stranger(group: Group) -> None:
    group.house.house = replace(group.house.house, allowed_servers=("allowed.example",))
    afar, near = UserId("@eve:elsewhere.example"), UserId("@eve:allowed.example")
    for person in (afar, near):
        await group.hear(person, "invite", by=ADA)
    assert await group.standings() == {BEN: "invited", near: "invited"}
    assert await group.strangers() == 1


@pytest.mark.parametrize("goes", ["leave", "ban"])
async def test_of_a_stranger_who_is_gone_nothing_is_kept(group: Group, goes: str) -> None:
    await group.hear(EVE, "join")
    assert await group.strangers() == 1
    await group.hear(EVE, goes, by=EVE if goes == "leave" else ADA)
    assert await group.strangers() == 0


@pytest.mark.parametrize("now_is", ["join", "leave", "ban", "knock", "invite"])
async def test_a_stranger_becomes_no_member_by_anything_they_do(group: Group, now_is: str) -> None:
    await group.hear(EVE, now_is)
    assert await group.standings() == {BEN: "invited"}


async def test_a_facilitator_who_comes_and_goes_is_never_made_a_member(group: Group) -> None:
    for now_is in ("join", "leave", "invite"):
        await group.hear(ADA, now_is, by=ADA)
    assert await group.standings() == {BEN: "invited"}


async def test_joining_is_welcomed_once_however_often_it_is_heard(group: Group) -> None:
    for now_is in ("join", "join", "leave", "join"):
        await group.hear(BEN, now_is)
    assert [act.utterance for act in await group.house.waiting()] == ["welcome"]
    assert await group.standings() == {BEN: "left"}


@pytest.mark.parametrize("now_is", ["join", "leave", "ban", "invite"])
async def test_the_bots_own_comings_and_goings_change_no_member(group: Group, now_is: str) -> None:
    await group.hear(BOT, now_is, by=ADA)
    assert await group.standings() == {BEN: "invited"}


@pytest.mark.parametrize(("now_is", "by"), [("leave", EVE), ("join", EVE), ("knock", EVE), ("ban", ADA)])
async def test_whatever_moved_the_room_is_looked_at_again(group: Group, now_is: str, by: UserId) -> None:
    assert await group.due() == []
    await group.hear(EVE, now_is, by=by)
    assert await group.due() == [group.place.id]


async def test_who_leaves_raises_what_is_wanted_of_the_room_and_what_changes_nothing_does_not(group: Group) -> None:
    before = await group.revision()
    await group.hear(BEN, "join")
    await group.hear(EVE, "knock")
    assert await group.revision() == before
    await group.hear(BEN, "leave")
    assert await group.revision() == before + 1


async def test_in_the_room_of_one_person_with_the_bot_leaving_is_no_leaving_of_a_group(group: Group) -> None:
    async with group.house.database.transaction() as db:
        room_id = await rooms.direct_with(db, BEN, now=group.house.clock.now())
        direct = await rooms.place(db, room_id)
    assert direct is not None
    await group.hear(BEN, "leave", place=direct)
    assert await group.standings() == {BEN: "invited"}


async def test_what_is_heard_of_one_group_says_nothing_of_another(group: Group) -> None:
    house = group.house
    other = await house.open_group("Harbour room")
    await house.invite(other, BEN)
    await group.hear(BEN, "leave")
    async with house.database.reading() as db:
        assert [line.standing for line in await roster.of_group(db, other)] == ["invited"]
        page = await groups.page(db, by=house.cast.ada, group_id=group.id, now=house.clock.now())
        assert [line.standing for line in page.roster] == ["left"]
