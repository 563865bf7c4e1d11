"""What all sockets hold together has one bound."""

from hypothesis import given
from hypothesis import strategies as st

from ws_gateway.websocket.held_bytes import HeldBytes


class Socket:
    def __init__(self) -> None:
        self.given_up = ""
        self.size = 0

    def give_up(self, reason: str) -> None:
        self.given_up = reason


def test_who_has_held_some_for_longest_makes_room() -> None:
    held = HeldBytes(most=100)
    sockets = [Socket() for _ in range(5)]
    for number, size in ((0, 30), (1, 30), (0, 0), (2, 30), (0, 10)):
        held.note(sockets[number], size)
    assert not any(each.given_up for each in sockets)
    held.note(sockets[3], 40)
    assert [each.given_up for each in sockets] == ["", "held_bytes_full", "", "", ""]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), max_size=100))
def test_the_bound_holds_in_any_order_and_only_who_holds_something_is_given_up(
    notes: list[tuple[int, int]],
) -> None:
    held = HeldBytes(most=100)
    sockets = [Socket() for _ in range(5)]
    for number, size in notes:
        if sockets[number].given_up:
            held.note(sockets[number], 0)  # its connection is lost, another one comes
            sockets[number] = Socket()
        before = [each.size for each in sockets]
        held.note(sockets[number], size)
        sockets[number].size = size
        for each, had in zip(sockets, before, strict=True):
            if each.given_up and each.size:
                assert had or each is sockets[number]
                each.size = 0
        assert sum(each.size for each in sockets) <= 100
