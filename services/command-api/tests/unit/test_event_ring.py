"""The newest events: which there are, and that there is no gap between them."""

import pytest
from live_events import event

from command_api.live_events.domain.ring import Ring


def ring(max_events: int = 100, max_bytes: int = 1_000_000) -> Ring:
    return Ring(max_events, max_bytes)


def add(one: Ring, after: int, position: int) -> None:
    one.add(after, position, [event(number) for number in range(after + 1, position + 1)])


def positions(one: Ring, after: int, most: int = 100) -> list[int]:
    return [found.position for found in one.after(after, most)[0]]


def test_it_leads_nowhere_before_the_first_batch() -> None:
    assert not ring().leads_on_from(0)


def test_batches_that_follow_each_other_are_one_range() -> None:
    one = ring()
    add(one, 10, 12)
    add(one, 12, 15)
    leads = [one.leads_on_from(position) for position in (9, 10, 14, 15)]
    assert leads == [False, True, True, False]
    assert positions(one, 10) == [11, 12, 13, 14, 15]
    assert positions(one, 13) == [14, 15]
    assert positions(one, 15) == []


def test_it_leads_over_positions_without_events_too() -> None:
    one = ring()
    one.add(3, 9, [event(5)])
    assert one.after(3, 10)[1] == 9
    assert positions(one, 6) == []


def test_after_a_gap_it_begins_anew() -> None:
    one = ring()
    add(one, 0, 3)
    add(one, 5, 6)
    assert not one.leads_on_from(3)
    assert positions(one, 5) == [6]


def test_an_empty_batch_beyond_a_gap_begins_anew_too() -> None:
    one = ring()
    add(one, 0, 3)
    one.add(8, 8, [])
    assert (one.low, one.high) == (8, 8)


def test_what_is_old_is_passed_over() -> None:
    one = ring()
    add(one, 0, 5)
    add(one, 2, 4)
    assert positions(one, 0) == [1, 2, 3, 4, 5]


def test_of_what_overlaps_the_rest_is_taken() -> None:
    one = ring()
    add(one, 0, 5)
    add(one, 3, 8)
    assert positions(one, 0) == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("bounds", [{"max_events": 3}, {"max_bytes": 3 * len(event(1).text)}])
def test_the_oldest_go_where_there_are_too_many_or_too_much(bounds: dict[str, int]) -> None:
    one = ring(**bounds)
    add(one, 0, 5)
    assert (one.low, one.high) == (2, 5)
    assert positions(one, 2) == [3, 4, 5]
    assert not one.leads_on_from(1)


def test_an_event_that_is_larger_than_all_room_is_not_kept() -> None:
    one = ring(max_bytes=1)
    add(one, 0, 1)
    assert (one.low, one.high) == (1, 1)


def test_no_more_are_returned_than_were_asked_for_and_how_far_they_reach() -> None:
    one = ring()
    add(one, 0, 5)
    found, reached = one.after(1, 2)
    assert ([each.position for each in found], reached) == ([2, 3], 3)
