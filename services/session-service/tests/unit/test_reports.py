"""Stops, meter values and what they are matched with, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from session_service.domain.matching import transaction_of_samples, transaction_of_stop
from session_service.domain.metering import (
    Sample,
    energy_wh,
    sample_digest,
    sample_flags,
    sample_source,
)
from session_service.domain.stops import Stop, StopOutcome, Transaction, decide_stop

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
OPEN = Transaction(
    id=1,
    key=b"1",
    station_id="S1",
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
        "wire_id": 1,
        "id_token": None,
        "token_key": None,
        "sent_at": NOW + timedelta(hours=1),
        "meter_stop": 2000,
        "reason": "Local",
        "connection_id": "c",
        "stamp": (1, seq),
        "received_at": NOW + timedelta(hours=1),
        "payload": {},
    }
    return Stop(**(values | changes))


def test_of_several_stops_the_earliest_stamp_wins_in_every_order() -> None:
    stops = [stop(1, meter_stop=1500), stop(2), stop(3, meter_stop=2500)]
    results = set()
    for order in permutations(stops):
        transaction = OPEN
        for one in order:
            _, transaction = decide_stop(transaction, one, {})
        results.add((transaction.meter_stop, transaction.stop_stamp, transaction.flags))
    assert results == {(1500, (1, 1), frozenset({"conflicting_stops"}))}


def test_the_same_stop_again_is_known_and_a_copy_is_evidence_without_a_flag() -> None:
    _, stopped = decide_stop(OPEN, stop(1), {})
    assert decide_stop(stopped, stop(1), {})[0] is StopOutcome.KNOWN
    outcome, after = decide_stop(stopped, stop(2), {})
    assert outcome is StopOutcome.EVIDENCE
    assert after.flags == frozenset()


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
    outcome, after = decide_stop(OPEN, stop(1, **changes), {})
    assert outcome is StopOutcome.APPLIED
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
    _, after = decide_stop(OPEN, first, {})
    assert (after.stopped_at, set(after.flags)) == (first.received_at, {flag})
    copy = stop(2, sent_at=sent_at, received_at=NOW + timedelta(hours=9))
    assert decide_stop(after, copy, {}) == (StopOutcome.EVIDENCE, after)
    other = stop(2, sent_at=sent_at, meter_stop=2001)
    assert "conflicting_stops" in decide_stop(after, other, {})[1].flags


@pytest.mark.parametrize("group", ["G", "g"])
def test_a_token_of_the_same_group_in_any_case_may_stop(group: str) -> None:
    _, after = decide_stop(OPEN, stop(1, id_token="T2", token_key="t2"), {"t2": group})
    assert after.flags == frozenset()


def test_a_stop_without_id_means_the_one_open_transaction_that_fits() -> None:
    other = replace(OPEN, id=2, token_key="t2")
    named = stop(1, id_token="T1", token_key="t1")
    assert transaction_of_stop([OPEN, other], named) == OPEN
    assert transaction_of_stop([OPEN, other], stop(1)) is None
    assert transaction_of_stop([replace(OPEN, started_at=NOW + timedelta(hours=2))], named) is None


def test_meter_values_without_id_belong_to_what_ran_at_their_time() -> None:
    ended = replace(OPEN, stopped_at=NOW + timedelta(minutes=5))
    second = replace(OPEN, id=2, started_at=NOW + timedelta(minutes=6))
    for minutes, expected in ((1, ended), (5.5, None), (7, second), (-1, None)):
        at = NOW + timedelta(minutes=minutes)
        assert transaction_of_samples([ended, second], 1, at) == expected
    assert transaction_of_samples([second], 2, NOW + timedelta(hours=1)) is None


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
    assert sample_source("S1", 1, None) != sample_source("S1", None, 1)


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
