"""What is asked of the registry for ids that no station has, in any order of answers."""

from hypothesis import given
from hypothesis import strategies as st

from ws_gateway.domain.limits import EntryLimits
from ws_gateway.domain.unknown_ids import UNKNOWN_FOR_S, UnknownIds

LIMITS = EntryLimits(unknown_ids_at_once=10, unknown_id_interval_s=1.0)


def test_an_unknown_id_is_forgotten_after_a_while_and_when_its_station_is_created() -> None:
    ids = UnknownIds(LIMITS)
    for name in ("A", "B"):
        ids.found_unknown("a", name, asked_at=100.0, now=100.1, lasting=True)
    assert ids.is_unknown("A", 100.2)
    ids.created("A", 101.0)
    assert not ids.is_unknown("A", 101.0)
    assert ids.is_unknown("B", 101.0)
    assert not ids.is_unknown("B", 100.2 + UNKNOWN_FOR_S)


def test_an_answer_from_before_the_creation_is_not_remembered() -> None:
    ids = UnknownIds(LIMITS)
    ids.created("A", 101.0)
    ids.found_unknown("a", "A", asked_at=100.0, now=102.0, lasting=True)
    assert not ids.is_unknown("A", 102.0)
    ids.found_unknown("a", "A", asked_at=103.0, now=104.0, lasting=True)
    assert ids.is_unknown("A", 104.0)


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(0.05, 3)), min_size=1, max_size=40))
def test_no_more_made_up_ids_reach_the_registry_than_the_rate_however_many_come_at_once(
    rounds: list[tuple[int, float]],
) -> None:
    ids, now, asked, number = UnknownIds(LIMITS), 1000.0, 0, 0
    for wanted, pause in rounds:
        under_way = []
        for _ in range(wanted):
            number += 1
            name = f"S{number}"
            if ids.wait_s("a", name, now) == 0 and ids.begin_asking("a", name, now):
                under_way.append(name)
        asked += len(under_way)
        for name in under_way:
            ids.end_asking("a")
            ids.found_unknown("a", name, asked_at=now, now=now, lasting=True)
        now += pause
    # The bursts of the first round, and of a later one after enough rest, are not yet bounded.
    rested = 1 + int((now - 1000.0) / (LIMITS.unknown_ids_at_once / 2))
    assert asked <= 60 * rested + LIMITS.unknown_ids_at_once + (now - 1000.0) + len(rounds)


def test_a_storm_of_stations_behind_one_address_is_not_held_up_by_a_few_unknown_ones() -> None:
    ids = UnknownIds(LIMITS)
    for number in range(4):
        ids.found_unknown("a", f"U{number}", asked_at=100.0, now=100.0, lasting=True)
    assert all(ids.begin_asking("a", f"S{number}", 100.0) for number in range(250))
    for _ in range(250):
        ids.end_asking("a")
    for number in range(4, 8):
        ids.found_unknown("a", f"U{number}", asked_at=100.0, now=100.0, lasting=True)
    assert [ids.begin_asking("a", f"T{number}", 100.0) for number in range(3)] == [
        True,
        True,
        False,
    ]
    ids.found_known("T9")
    assert ids.begin_asking("a", "T9", 100.0)
