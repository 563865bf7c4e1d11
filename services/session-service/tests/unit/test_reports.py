"""Stops, meter values and what they are matched with, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from session_service.metering.domain import (
    Sample,
    energy_wh,
    sample_digest,
    sample_flags,
    sample_source,
)
from session_service.transactions.domain.stops import Stop, Transaction, decide_stop

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
OPEN = Transaction(
    id=1,
    station_transaction_id="1",
    key=b"1",
    station_id="S1",
    tenant_id="default",
    evse_id=1,
    connector_id=1,
    id_token="T1",
    token_key="t1",
    token_group="G",
    started_at=NOW,
    meter_start=1000,
    status="active",
    flags=frozenset(),
)


def stop(seq: int, **changes: Any) -> Stop:
    values: dict[str, Any] = {
        "station_id": "S1",
        "tenant_id": "default",
        "named_id": "1",
        "names_one": True,
        "id_token": None,
        "token_key": None,
        "sent_at": NOW + timedelta(hours=1),
        "meter_stop": 2000,
        "reason": "Local",
        "connection_id": "c",
        "stamp": (1, seq),
        "received_at": NOW + timedelta(hours=1),
        "ocpp_version": "ocpp16",
        "payload": {},
    }
    return Stop(**(values | changes))


def test_of_several_stops_the_earliest_stamp_wins_in_every_order() -> None:
    stops = [stop(1, meter_stop=1500), stop(2), stop(3, meter_stop=2500)]
    results = set()
    for order in permutations(stops):
        transaction = OPEN
        for one in order:
            transaction = decide_stop(transaction, one, {})
        results.add((transaction.meter_stop, transaction.stop_stamp, transaction.flags))
    assert results == {(1500, (1, 1), frozenset({"conflicting_stops"}))}


def test_the_same_stop_again_and_a_copy_of_it_change_nothing() -> None:
    stopped = decide_stop(OPEN, stop(1), {})
    assert decide_stop(stopped, stop(1), {}) == stopped
    assert decide_stop(stopped, stop(2), {}) == stopped


def test_a_stop_that_names_the_transaction_beats_every_matched_one_in_every_order() -> None:
    matched = [stop(1, named_id="77", meter_stop=900_900), stop(2, named_id="0", meter_stop=1100)]
    stops = [*matched, stop(3), stop(4, meter_stop=2500)]
    results = set()
    for order in permutations(stops):
        transaction = OPEN
        for one in order:
            transaction = decide_stop(transaction, one, {})
        results.add((transaction.meter_stop, transaction.stop_stamp, transaction.flags))
    assert results == {(2000, (1, 3), frozenset({"conflicting_stops"}))}
    assert decide_stop(OPEN, matched[1], {}).flags == {"matched_without_id"}


def test_a_stop_names_the_transaction_by_what_the_station_calls_it() -> None:
    own = replace(OPEN, station_transaction_id="e3a1")
    assert decide_stop(own, stop(1, named_id="e3a1"), {}).flags == set()
    assert decide_stop(own, stop(1, named_id="1"), {}).flags == {"matched_without_id"}


def test_a_close_by_hand_stays_and_remembers_the_best_stop() -> None:
    closed = replace(OPEN, closed=True, status="completed", meter_stop=1300, stopped_at=NOW)
    stops = [stop(1, named_id="0", meter_stop=1100), stop(2), stop(3)]
    results = set()
    for order in permutations(stops):
        transaction = closed
        for one in order:
            transaction = decide_stop(transaction, one, {})
        results.add((transaction.meter_stop, transaction.stop_stamp, transaction.flags))
    assert results == {(1300, (1, 2), frozenset({"stop_after_close"}))}


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"meter_stop": 999}, "negative_energy"),
        ({"meter_stop": 99_000_000}, "implausible_power"),
        ({"sent_at": NOW - timedelta(seconds=1)}, "stop_before_start"),
        ({"sent_at": NOW + timedelta(days=1)}, "clock_ahead"),
        ({"sent_at": None}, "unreadable_time"),
        ({"id_token": "T9", "token_key": "t9"}, "foreign_stop_token"),
    ],
)
def test_a_suspect_stop_is_applied_and_flagged(changes: dict[str, Any], flag: str) -> None:
    after = decide_stop(OPEN, stop(1, **changes), {})
    assert after.status == "completed"
    assert after.flags == {flag}


@pytest.mark.parametrize(
    ("sent_at", "flag"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), "clock_not_set"),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "unreadable_time"),
    ],
)
def test_a_stop_of_an_impossible_time_ended_when_it_was_received(
    sent_at: datetime, flag: str
) -> None:
    first = stop(1, sent_at=sent_at)
    after = decide_stop(OPEN, first, {})
    assert (after.stopped_at, set(after.flags)) == (first.received_at, {flag})
    copy = stop(2, sent_at=sent_at, received_at=NOW + timedelta(hours=9))
    assert decide_stop(after, copy, {}) == after
    other = stop(2, sent_at=sent_at, meter_stop=2001)
    assert "conflicting_stops" in decide_stop(after, other, {}).flags


@pytest.mark.parametrize("group", ["G", "g"])
def test_a_token_of_the_same_group_in_any_case_may_stop(group: str) -> None:
    after = decide_stop(OPEN, stop(1, id_token="T2", token_key="t2"), {"t2": group})
    assert after.flags == frozenset()


def test_registers_at_both_ends_of_64_bits_leave_an_energy_that_can_be_told() -> None:
    assert energy_wh(2**63 - 1, -(2**63)) == -(2**63)
    assert energy_wh(-(2**63), 2**63 - 1) == 2**63 - 1
    assert energy_wh(1_000, 1_500) == 500
    assert energy_wh(1_000, None) is None


def test_missing_parts_count_as_empty_in_a_digest_and_every_part_counts() -> None:
    source = sample_source("S1", 1, None)
    whole = [
        sample_digest(source, ["a" if n == m else None for m in range(6)], "1") for n in range(6)
    ]
    assert len(set(whole)) == 6
    assert all(len(digest) == 16 for digest in whole)
    assert sample_digest(source, [None] * 6, "1") == sample_digest(source, [""] * 6, "1")
    assert sample_source("S1", 1, None) != sample_source("S1", None, "1")


def sample(value: float, unit: str = "Wh", measurand: str | None = None) -> Sample:
    return Sample(NOW, b"", measurand, None, None, None, None, unit, str(value), value)


@pytest.mark.parametrize(
    ("samples", "flags"),
    [
        ([sample(1000), sample(1.2, "kWh")], set()),
        ([sample(800)], {"meter_backwards"}),
        ([sample(3000), sample(2000)], {"meter_backwards"}),
        ([sample(2000, "kW", "Power.Active.Import")], {"implausible_power"}),
        ([sample(5, "Hz", "Frequency"), sample(0, "Made.Up")], set()),
    ],
)
def test_values_are_judged_against_their_transaction(
    samples: list[Sample], flags: set[str]
) -> None:
    assert sample_flags(samples, 1000, NOW) == flags
