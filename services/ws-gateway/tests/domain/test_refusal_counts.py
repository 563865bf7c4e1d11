"""Refusals are counted in bounded room, whoever connects how often."""

from ws_gateway.domain.refusal_counts import ELSEWHERE, NOBODY, PERIOD_MS, RefusalCounts

START = 100 * PERIOD_MS


def _count(
    counts: RefusalCounts,
    station_id: str = "A",
    address: str = "192.0.2.1",
    reason: str = "unknown_station",
    at_ms: int = START,
) -> None:
    counts.count(station_id, address, reason, f"detail at {at_ms}", 404, at_ms)


def test_refusals_of_a_kind_are_one_count_of_the_hour() -> None:
    counts = RefusalCounts()
    for at_ms in (START + 5, START + 9, START + 2):
        _count(counts, at_ms=at_ms)
    ((key, counted),) = counts.take_changed()
    assert key == ("A", "192.0.2.1", "unknown_station")
    assert (counted.times, counted.first_ms, counted.last_ms) == (3, START + 5, START + 9)
    assert counts.take_changed() == []
    _count(counts, at_ms=START + 10)
    ((_, counted),) = counts.take_changed()
    assert (counted.times, counted.period_ms) == (4, START)
    _count(counts, at_ms=START + PERIOD_MS)
    ((_, counted),) = counts.take_changed()
    assert (counted.times, counted.period_ms) == (1, START + PERIOD_MS)


def test_ever_new_ids_of_one_address_are_counted_for_the_address() -> None:
    counts = RefusalCounts(max_of_address=3)
    for number in range(100):
        _count(counts, f"S{number}")
    found = {key[0]: counted.times for key, counted in counts.take_changed()}
    assert found == {"S0": 1, "S1": 1, "S2": 1, NOBODY: 97}


def test_stations_that_the_registry_knows_are_counted_each_however_many_share_an_address() -> None:
    counts = RefusalCounts(max_of_address=3)
    for number in range(10):
        _count(counts, f"S{number}", reason="bad_credentials")
    assert len(counts.take_changed()) == 10
    _count(counts, "X")
    assert [key[0] for key, _ in counts.take_changed()] == ["X"]


def test_ever_new_addresses_fill_no_more_than_the_room() -> None:
    counts = RefusalCounts(max_keys=10)
    for number in range(1_000):
        _count(counts, f"S{number}", f"address {number}")
    assert len(counts) == 11
    assert dict(counts.take_changed())[NOBODY, ELSEWHERE, "unknown_station"].times == 990


def test_what_could_not_be_told_is_told_with_the_next_count() -> None:
    counts = RefusalCounts()
    _count(counts)
    untold = counts.take_changed()
    _count(counts, at_ms=START + 1)
    counts.changed_again(untold)
    ((_, counted),) = counts.take_changed()
    assert counted.times == 2
    counts.changed_again(untold)
    _count(counts, at_ms=START + PERIOD_MS)
    assert [counted.times for _, counted in counts.take_changed()] == [2, 1]
