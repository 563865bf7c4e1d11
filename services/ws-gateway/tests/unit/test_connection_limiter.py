"""Sockets without a connection of a station, by number and by age."""

import pytest

from ws_gateway.websocket import connection_limiter
from ws_gateway.websocket.connection_limiter import ConnectionLimiter


class FakeSocket:
    def __init__(self) -> None:
        self.given_up_for: str | None = None

    def give_up(self, reason: str) -> None:
        self.given_up_for = reason


def _open(limiter: ConnectionLimiter, count: int) -> list[FakeSocket]:
    sockets = [FakeSocket() for _ in range(count)]
    for socket in sockets:
        limiter.opened(socket)
    return sockets


def _look(limiter: ConnectionLimiter, now: list[float], after_s: float = 0.1) -> None:
    now[0] += after_s
    limiter.give_up_silent()


def test_the_oldest_silent_socket_makes_room_for_the_newest() -> None:
    now = [100.0]
    sockets = _open(limiter := ConnectionLimiter(max_sockets=40, clock=lambda: now[0]), 25)
    _look(limiter, now, connection_limiter.CROWDED_SILENCE_S)
    _look(limiter, now)
    assert [socket.given_up_for for socket in sockets] == (
        ["handshake_displaced"] * 5 + [None] * 20
    )
    limiter.requested(sockets[5])
    _open(limiter, 1)
    _look(limiter, now, connection_limiter.CROWDED_SILENCE_S)
    _look(limiter, now)
    assert sockets[6].given_up_for is None


def test_a_storm_that_has_not_been_read_yet_is_not_taken_for_silence() -> None:
    now = [100.0]
    limiter = ConnectionLimiter(max_sockets=40, clock=lambda: now[0])
    _look(limiter, now)
    storm = _open(limiter, 30)
    # However late the look is: nothing has been read since they came.
    _look(limiter, now, connection_limiter.SILENCE_S * 2)
    for socket in storm:
        limiter.requested(socket)
    _look(limiter, now)
    assert {socket.given_up_for for socket in storm} == {None}


def test_the_oldest_silent_socket_gives_its_file_to_the_newest_at_once() -> None:
    sockets = _open(ConnectionLimiter(max_sockets=8), 10)
    assert [socket.given_up_for for socket in sockets] == (["handshake_displaced"] * 2 + [None] * 8)


def test_one_that_asks_or_is_served_is_never_displaced() -> None:
    limiter = ConnectionLimiter(max_sockets=8)
    asking, served = _open(limiter, 2)
    for socket in (asking, served):
        limiter.requested(socket)
    limiter.established(served)
    silent = _open(limiter, 20)
    assert asking.given_up_for is None
    assert served.given_up_for is None
    assert [socket.given_up_for for socket in silent[-2:]] == [None, None]


def test_silence_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    limiter = ConnectionLimiter(max_sockets=40, clock=lambda: now[0])
    (first,) = _open(limiter, 1)
    now[0] += connection_limiter.SILENCE_S / 2
    (second,) = _open(limiter, 1)
    _look(limiter, now, 0.0)
    _look(limiter, now, connection_limiter.SILENCE_S / 2)
    assert (first.given_up_for, second.given_up_for) == ("handshake_timeout", None)


def test_files_are_left_for_sockets_that_have_not_asked_yet() -> None:
    limiter = ConnectionLimiter(max_sockets=8)
    sockets = _open(limiter, 2)
    for _ in range(3):
        for socket in sockets:
            limiter.requested(socket)
        sockets = _open(limiter, 2)
    assert limiter.is_full
    assert not limiter.is_overfull
    limiter.requested(sockets[0])
    assert limiter.is_overfull
    limiter.closed(sockets[0], was_established=False)
    assert not limiter.is_overfull
