"""The fake keeps the contract, and what only it can do besides: lose answers, turn clocks, die, hold back keys."""

import asyncio
from datetime import timedelta

import pytest

from bridge.heard import Message, Undecipherable, Unreadable
from bridge.matrix.homeserver import Homeserver, Invite, Rejected, SetState, SlowDown, TheirFault, TryLater
from bridge.plan import plan
from facilitator.ids import UserId, because, new_id
from facilitator.rules.wanted_room import WantedRoom, power_levels
from tests.clock import TurnedClock
from tests.contract_world import Ear, led_by, ready_room, step, with_people, words
from tests.fake_homeserver import FakeHomeserver
from tests.fake_people import FakePerson
from tests.fake_weather import Killed, dead_line, fault, rate_limited
from tests.homeserver_contract import HomeserverContract

NOW = timedelta(0)
DAY = timedelta(days=1)


class FakeWorld:
    def __init__(self) -> None:
        self.server = FakeHomeserver(TurnedClock(hurrying=True))
        self._running: Homeserver | None = None

    async def start(self) -> Homeserver:
        if self._running is not None:
            await self._running.close()
        self._running = self.server.bot()
        return self._running

    async def start_beside(self) -> Homeserver:
        return self.server.bot()

    async def other(self, name: str) -> FakePerson:
        return self.server.person(f"@{name}:test")

    def lose_next_answer(self) -> None:
        self.server.weather.strike(dead_line(), done=True)

    async def sign_out(self) -> None:
        self.server.bot().device.signed_out = True


class TestTheFakeKeepsTheContract(HomeserverContract):
    @pytest.fixture
    def world(self) -> FakeWorld:
        return FakeWorld()


@pytest.fixture
def server() -> FakeHomeserver:
    return FakeHomeserver(TurnedClock(hurrying=True))


# ------------------------------------------------------------------------------------------- what is remembered


async def test_a_transaction_is_forgotten_after_a_day_and_the_message_found_by_its_act(server: FakeHomeserver) -> None:
    bot, clock = server.bot(), server.clock
    assert isinstance(clock, TurnedClock)
    room, act = await ready_room(bot, step()), because("reminder")
    first = (await bot.send(room, act, words("at seven"))).event_id
    clock.turn(DAY - timedelta(seconds=1))
    assert (await bot.send(room, act, words("at seven"))).event_id == first
    clock.turn(timedelta(seconds=1))
    assert await bot.find_sent(room, act) == first
    assert (await bot.send(room, act, words("at seven"))).event_id != first


async def test_another_device_is_another_scope_of_transactions(server: FakeHomeserver) -> None:
    bot, other = server.bot(), server.bot(device="OTHER")
    room, act = await ready_room(bot, step()), because("reminder")
    await other.look(room)
    one, two = await bot.send(room, act, words("at seven")), await other.send(room, act, words("at seven"))
    assert one.event_id != two.event_id


# ------------------------------------------------------------------------------------------- bad weather


@pytest.mark.parametrize("error", [rate_limited(), fault(), dead_line()])
@pytest.mark.parametrize("done", [False, True])
async def test_a_storm_strikes_before_or_after_the_deed(server: FakeHomeserver, error: TryLater, done: bool) -> None:
    bot, ben = server.bot(), server.person("@ben:test")
    room = await with_people(bot, ben)
    server.weather.strike(error, on="send", done=done, times=2)
    for _ in range(2):
        with pytest.raises(type(error)):
            await bot.send(room, because("reminder"), words("at seven"))
    assert len(await ben.sees(room)) == (1 if done else 0)
    await bot.send(room, because("reminder"), words("at seven"))
    assert await ben.read(room) == ["at seven"]


async def test_storms_are_of_their_kind_and_say_how_long_to_wait(server: FakeHomeserver) -> None:
    bot = server.bot()
    server.weather.strike(rate_limited(timedelta(seconds=9)), on="send")
    room = await ready_room(bot, step())
    with pytest.raises(SlowDown) as told:
        await bot.send(room, because("reminder"), words("at seven"))
    assert told.value.after == timedelta(seconds=9)
    assert server.weather.calls == {"create": 1, "look": 1, "send": 1}


async def test_down_is_down_until_it_is_up(server: FakeHomeserver) -> None:
    bot = server.bot()
    server.weather.down = True
    for _ in range(3):
        with pytest.raises(TryLater):
            await ready_room(bot, step())
    server.weather.down = False
    await ready_room(bot, step())
    assert len(server.rooms) == 1


async def test_a_slow_homeserver_takes_its_time_by_the_clock(server: FakeHomeserver) -> None:
    before = server.clock.now()
    server.weather.slow(timedelta(minutes=3), on="create")
    await server.bot().create(step())
    assert server.clock.now() - before == timedelta(minutes=3)


async def test_a_room_made_by_half_is_found_and_finished_before_anybody_is_invited(server: FakeHomeserver) -> None:
    bot, made = server.bot(), step()
    wanted = WantedRoom(
        marker=made.marker,
        revision=1,
        name="Maple room",
        power_levels=power_levels(frozenset()),
        people=frozenset({server.person("@ben:test").user_id}),
    )
    server.weather.strike(fault(), on="create", half=True)
    with pytest.raises(TheirFault):
        await bot.create(made)
    room = await server.bot().find(made.marker)
    assert room is not None
    assert (await bot.look(room)).encryption is None
    kinds = []
    while steps := plan(wanted, await bot.look(room)):
        for each in steps:
            kinds.append(each.type if isinstance(each, SetState) else type(each))
            assert isinstance(each, SetState | Invite)
            await bot.take(each)
    assert kinds[0] == "m.room.encryption"
    assert kinds[-1] is Invite


async def test_rooms_made_side_by_side_are_all_found(server: FakeHomeserver) -> None:
    bot, rooms = server.bot(), [step() for _ in range(6)]

    async def make(number: int) -> None:
        if await bot.find(rooms[number].marker) is None:
            await bot.create(rooms[number])

    await asyncio.gather(*(make(number) for number in range(6)))
    await asyncio.gather(*(make(number) for number in range(6)))
    assert len(server.rooms) == 6


@pytest.mark.parametrize("moment", ["before send", "after send"])
async def test_the_process_may_die_before_or_after_every_deed(server: FakeHomeserver, moment: str) -> None:
    bot, ben = server.bot(), server.person("@ben:test")
    room = await with_people(bot, ben)

    def die(point: str) -> None:
        if point == moment:
            raise Killed

    server.weather.crash_point = die
    with pytest.raises(Killed):
        await bot.send(room, because("reminder"), words("at seven"))
    assert await ben.read(room) == (["at seven"] if moment == "after send" else [])


async def test_every_call_passes_both_points(server: FakeHomeserver) -> None:
    points: list[str] = []
    server.weather.crash_point = points.append
    bot, ben = server.bot(), server.person("@ben:test")
    room = await with_people(bot, ben)
    invited = await ben.make_room(bot.user_id, direct=True)
    await bot.accept(invited)
    await bot.decline(invited)
    await bot.listen(None, wait=NOW)
    await bot.find(step().marker)
    await bot.take(SetState(room, "m.room.name", {"name": "x"}))
    sent = await bot.send(room, because("a"), words("at seven"))
    await bot.find_sent(room, because("a"))
    await bot.redact(room, sent.event_id, because("b"))
    await bot.read_again(room, [])
    await bot.is_signed()
    assert points[::2] == [point.replace("after", "before") for point in points[1::2]]
    assert {point.removeprefix("after ") for point in points[1::2]} == {
        "accept", "create", "decline", "find", "find_sent", "invite", "is_signed", "listen", "look", "read_again",
        "redact", "send", "set_state",
    }  # fmt: skip


# ------------------------------------------------------------------------------------------- who can read


async def test_a_message_whose_key_comes_later_is_read_again(server: FakeHomeserver) -> None:
    bot, ben = server.bot(), server.person("@ben:test")
    room, ear = await with_people(bot, ben), await Ear(bot).begin()
    event_id = await ben.say(room, "hello", key_later=True)
    (unreadable,) = [e for e in await ear.all_in(room) if isinstance(e, Unreadable)]
    assert await bot.read_again(room, [event_id]) == (unreadable,)
    cursor = ear.cursor
    await ben.send_keys()
    for _ in range(2):  # asking again with the same cursor names the key again, moving on does not
        sync = await bot.listen(cursor, wait=NOW)
        assert sync.keys_arrived == {(room, unreadable.session_id)}
    assert (await bot.listen(sync.next_batch, wait=NOW)).keys_arrived == frozenset()
    assert (await server.bot().listen(cursor, wait=NOW)).keys_arrived == frozenset(), "the device has it already"
    (read,) = await server.bot().read_again(room, [event_id])
    assert isinstance(read, Message)
    assert (read.body, read.encrypted, read.bound, read.signed) == ("hello", True, True, True)


async def test_a_new_device_has_none_of_the_old_keys(server: FakeHomeserver) -> None:
    bot, ben = server.bot(), server.person("@ben:test")
    room = await with_people(bot, ben)
    event_id = await ben.say(room, "hello")
    await bot.listen(None, wait=NOW)
    (heard,) = await server.bot(device="NEW").read_again(room, [event_id])
    assert isinstance(heard, Unreadable)


async def test_an_unsigned_device_reads_in_the_direct_room_only(server: FakeHomeserver) -> None:
    bot, ben = server.bot(), server.person("@ben:test")
    await ben.use_unsigned_device()
    group, direct = await with_people(bot, ben), await with_people(bot, ben, room=step(direct_to=ben.user_id))
    for room in (group, direct):
        await bot.send(room, because(room), words("at seven"))
    assert (await ben.read(group), await ben.read(direct)) == ([], ["at seven"])


async def test_a_strict_person_gives_an_unsigned_bot_no_key(server: FakeHomeserver) -> None:
    bot, ben = server.bot(), server.person("@ben:test")
    room, ear = await with_people(bot, ben), await Ear(bot).begin()
    bot.device.signed = False
    assert not await bot.is_signed()
    await ben.say(room, "hello")
    assert any(isinstance(event, Unreadable) for event in await ear.all_in(room))


async def test_a_forged_sender_is_heard_as_not_bound(server: FakeHomeserver) -> None:
    bot, ada = server.bot(), server.person("@ada:test")
    room, ear = await with_people(bot, ada, room=led_by(ada)), await Ear(bot).begin()
    await ada.say(room, "!remove everybody", bound=False)
    (heard,) = await ear.messages_in(room)
    assert (heard.bound, heard.signed) == (False, False)


async def test_nonsense_is_heard_as_such(server: FakeHomeserver) -> None:
    bot, ben = server.bot(), server.person("@ben:test")
    room, ear = await with_people(bot, ben), await Ear(bot).begin()
    await ben.send_nonsense(room)
    (heard,) = await ear.all_in(room)
    assert isinstance(heard, Undecipherable)


async def test_bots_hear_each_other_and_not_themselves(server: FakeHomeserver) -> None:
    one, two = server.bot("@one:test"), server.bot("@two:test")
    room = await ready_room(one, step())
    await one.take(Invite(room, two.user_id))
    await two.accept(room)
    ears = [await Ear(bot).begin() for bot in (one, two)]
    await one.send(room, because("hello"), words("hello"))
    heard = [[m.body for m in (await ear.once()).events if isinstance(m, Message)] for ear in ears]
    assert heard == [[], ["hello"]]


# ------------------------------------------------------------------------------------------- other people


async def test_who_takes_no_invitations_and_who_is_not_there(server: FakeHomeserver) -> None:
    bot, ben = server.bot(), server.person("@ben:elsewhere")
    room = await ready_room(bot, step())
    ben.refuses = Rejected("M_FORBIDDEN")
    for user, error in (
        (ben.user_id, Rejected),
        (UserId("@nobody:elsewhere"), Rejected),
        (UserId("@ben:far.away"), TheirFault),
    ):
        with pytest.raises(error):
            await bot.take(Invite(room, user))
    assert (await bot.look(room)).members == {bot.user_id: "join"}


async def test_listening_waits_until_something_happens() -> None:
    server = FakeHomeserver(clock := TurnedClock())
    bot, ben = server.bot(), server.person("@ben:test")
    room, ear = await with_people(bot, ben), await Ear(bot).begin()
    listening = asyncio.create_task(ear.once(timedelta(seconds=30)))
    await clock.somebody_sleeps()
    await ben.say(room, "hello")
    assert [type(event) for event in (await listening).events] == [Message]
    listening = asyncio.create_task(ear.once(timedelta(seconds=30)))
    await clock.somebody_sleeps()
    clock.turn(timedelta(seconds=30))
    assert (await listening).events == ()


async def test_a_closed_handle_is_of_no_use(server: FakeHomeserver) -> None:
    bot = server.bot()
    await bot.close()
    with pytest.raises(AssertionError):
        await bot.find(step(marker=new_id()).marker)
