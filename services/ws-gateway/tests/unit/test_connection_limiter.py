"""Sockets without a session, by number and by age."""

import pytest

from ws_gateway.websocket import connection_limiter as doorway
from ws_gateway.websocket.connection_limiter import Doorway


class Visitor:
    def __init__(self) -> None:
        self.given_up_for: str | None = None

    def give_up(self, reason: str) -> None:
        self.given_up_for = reason


def _enter(door: Doorway, count: int) -> list[Visitor]:
    visitors = [Visitor() for _ in range(count)]
    for visitor in visitors:
        door.entered(visitor)
    return visitors


def _look(door: Doorway, now: list[float], after_s: float = 0.1) -> None:
    now[0] += after_s
    door.give_up_silent()


def test_the_oldest_silent_socket_makes_room_for_the_newest() -> None:
    now = [100.0]
    visitors = _enter(door := Doorway(max_sockets=40, clock=lambda: now[0]), 25)
    _look(door, now, doorway.CROWDED_SILENCE_S)
    _look(door, now)
    assert [visitor.given_up_for for visitor in visitors] == (
        ["handshake_displaced"] * 5 + [None] * 20
    )
    door.asked(visitors[5])
    _enter(door, 1)
    _look(door, now, doorway.CROWDED_SILENCE_S)
    _look(door, now)
    assert visitors[6].given_up_for is None


def test_a_storm_that_has_not_been_read_yet_is_not_taken_for_silence() -> None:
    now = [100.0]
    door = Doorway(max_sockets=40, clock=lambda: now[0])
    _look(door, now)
    storm = _enter(door, 30)
    # However late the look is: nothing has been read since they came.
    _look(door, now, doorway.SILENCE_S * 2)
    for visitor in storm:
        door.asked(visitor)
    _look(door, now)
    assert {visitor.given_up_for for visitor in storm} == {None}


def test_the_oldest_silent_socket_gives_its_file_to_the_newest_at_once() -> None:
    visitors = _enter(Doorway(max_sockets=8), 10)
    assert [visitor.given_up_for for visitor in visitors] == (
        ["handshake_displaced"] * 2 + [None] * 8
    )


def test_one_that_asks_or_is_served_is_never_displaced() -> None:
    door = Doorway(max_sockets=8)
    asking, served = _enter(door, 2)
    for visitor in (asking, served):
        door.asked(visitor)
    door.served(served)
    silent = _enter(door, 20)
    assert asking.given_up_for is None
    assert served.given_up_for is None
    assert [visitor.given_up_for for visitor in silent[-2:]] == [None, None]


def test_silence_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    door = Doorway(max_sockets=40, clock=lambda: now[0])
    (first,) = _enter(door, 1)
    now[0] += doorway.SILENCE_S / 2
    (second,) = _enter(door, 1)
    _look(door, now, 0.0)
    _look(door, now, doorway.SILENCE_S / 2)
    assert (first.given_up_for, second.given_up_for) == ("handshake_timeout", None)


def test_files_are_left_for_sockets_that_have_not_asked_yet() -> None:
    door = Doorway(max_sockets=8)
    visitors = _enter(door, 2)
    for _ in range(3):
        for visitor in visitors:
            door.asked(visitor)
        visitors = _enter(door, 2)
    assert door.is_full
    assert not door.is_overfull
    door.asked(visitors[0])
    assert door.is_overfull
    door.left(visitors[0], was_served=False)
    assert not door.is_overfull
