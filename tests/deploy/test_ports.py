"""Which loopback port is taken: the one asked for or a sentence, the one of last time where it is free."""

import socket
from collections.abc import Iterator

import pytest

from deploy import ports
from facilitator.errors import Misconfigured


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_the_port_that_was_asked_for_is_taken() -> None:
    asked = ports.any_free()
    assert ports.choose(asked, remembered=ports.any_free(), usual=ports.any_free(), option="--panel-port") == asked


def test_asking_for_a_port_in_use_names_the_option_to_change(taken: int) -> None:
    with pytest.raises(Misconfigured, match=f"Port {taken} is taken: .* --panel-port"):
        ports.choose(taken, remembered=None, usual=ports.any_free(), option="--panel-port")


def test_the_port_of_last_time_comes_before_the_usual_one() -> None:
    last = ports.any_free()
    assert ports.choose(None, remembered=last, usual=ports.any_free(), option="") == last


def test_where_both_are_in_use_any_free_one_will_do(taken: int) -> None:
    chosen = ports.choose(None, remembered=taken, usual=taken, option="")
    assert chosen != taken
    assert ports.is_free(chosen)


def test_a_port_is_taken_when_somebody_listens_there_on_ipv6_alone() -> None:
    with socket.socket(socket.AF_INET6) as listening:
        listening.bind(("::1", 0))
        listening.listen()
        assert not ports.is_free(listening.getsockname()[1])


def test_no_two_of_ours_get_the_same_port() -> None:
    ours = ports.any_free()
    assert ports.choose(None, remembered=ours, usual=ours, option="", besides={ours}) != ours
    with pytest.raises(Misconfigured, match="--homeserver-port"):
        ports.choose(ours, remembered=None, usual=ours, option="--homeserver-port", besides={ours})
