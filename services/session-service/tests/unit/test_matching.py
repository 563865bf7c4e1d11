"""What a report without a usable id is matched with: the station's order first, then its clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_service.metering.domain import MeterReport, Sample
from session_service.transactions.domain.matching import (
    Candidates,
    transaction_of_samples,
    transaction_of_stop,
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
    token_group=None,
    started_at=NOW,
    meter_start=1000,
    status="active",
    flags=frozenset(),
    stamp=(1, 10),
)
OTHER = replace(
    OPEN, id=2, station_transaction_id="2", connector_id=2, token_key="t2", stamp=(1, 12)
)


def stop(seq: int, **changes: Any) -> Stop:
    values: dict[str, Any] = {
        "station_id": "S1",
        "tenant_id": "default",
        "named_id": "0",
        "names_one": False,
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


def report(seq: int, at: datetime, **changes: Any) -> MeterReport:
    sample = Sample(at, b"", None, None, None, None, None, "Wh", "1", 1.0)
    values: dict[str, Any] = {
        "station_id": "S1",
        "tenant_id": "default",
        "connector_id": 1,
        "named_id": None,
        "names_one": False,
        "connection_id": "c",
        "stamp": (1, seq),
        "received_at": NOW + timedelta(hours=1),
        "samples": (sample,),
    }
    return MeterReport(**(values | changes))


def of(*transactions: Transaction, several: bool = True) -> Candidates:
    return Candidates(transactions, several)


def test_a_stop_without_id_means_the_one_running_transaction_that_fits() -> None:
    named = stop(20, token_key="t1")
    assert transaction_of_stop(of(OPEN, OTHER), named) == OPEN
    assert transaction_of_stop(of(OPEN, OTHER), stop(20)) is None
    later = replace(OPEN, started_at=NOW + timedelta(hours=2))
    assert transaction_of_stop(of(later), named) is None


@pytest.mark.parametrize("token", [None, ""])
def test_an_id_of_another_system_alone_is_no_match_on_a_station_of_several_connectors(
    token: str | None,
) -> None:
    foreign = stop(20, named_id="77", names_one=True, token_key=token)
    assert transaction_of_stop(of(OPEN), foreign) is None
    assert transaction_of_stop(of(OPEN, several=False), foreign) == OPEN
    assert transaction_of_stop(of(OPEN), replace(foreign, named_id="-1", names_one=False)) == OPEN
    assert transaction_of_stop(of(OPEN), replace(foreign, token_key="t1")) == OPEN
    values = report(20, NOW, named_id="77", names_one=True)
    assert transaction_of_samples(of(OPEN), values) is None
    assert transaction_of_samples(of(OPEN, several=False), values) == OPEN
    assert transaction_of_samples(of(OPEN), replace(values, named_id=None, names_one=False)) == OPEN


@pytest.mark.parametrize(
    "sent_at",
    [None, NOW, datetime(1970, 1, 1, tzinfo=UTC), NOW + timedelta(days=400)],
    ids=["unreadable", "right", "not set", "ahead"],
)
def test_a_stop_ends_nothing_that_the_station_started_after_it(sent_at: datetime | None) -> None:
    assert transaction_of_stop(of(OPEN), stop(9, sent_at=sent_at)) is None
    assert transaction_of_stop(of(OPEN), stop(11, sent_at=sent_at)) == OPEN


def test_a_transaction_of_an_odd_clock_is_matched_by_the_stations_order_alone() -> None:
    ahead = replace(OPEN, started_at=NOW + timedelta(days=400), flags=frozenset({"clock_ahead"}))
    assert transaction_of_stop(of(ahead), stop(11)) == ahead
    assert transaction_of_samples(of(ahead), report(11, NOW)) == ahead
    assert transaction_of_samples(of(ahead), report(9, NOW)) is None


def test_a_transaction_without_a_stop_is_meant_until_the_next_start_of_its_connector() -> None:
    missing = replace(OPEN, status="stop_missing")
    successor = replace(
        OPEN,
        id=3,
        station_transaction_id="3",
        stamp=(1, 30),
        started_at=NOW + timedelta(minutes=30),
    )
    known = of(missing, successor, OTHER)
    assert transaction_of_stop(known, stop(20, token_key="t1")) == missing
    assert transaction_of_stop(known, stop(40, token_key="t1")) == successor
    ended = decide_stop(successor, stop(35, named_id="3", names_one=True), {})
    assert transaction_of_stop(of(missing, ended, OTHER), stop(40, meter_stop=7)) == OTHER
    for minutes, expected in ((10, missing), (40, successor)):
        values = report(50, NOW + timedelta(minutes=minutes))
        assert transaction_of_samples(known, values) == expected


def test_the_same_stop_again_is_meant_for_what_it_ended() -> None:
    first = stop(20, token_key="t1")
    ended = decide_stop(OPEN, first, {})
    again = replace(first, stamp=(1, 21))
    assert transaction_of_stop(of(ended, OTHER), again) == ended
    untimed = replace(again, sent_at=None, received_at=NOW + timedelta(hours=2))
    assert transaction_of_stop(of(ended, OTHER), untimed) == ended


def test_a_transaction_closed_by_hand_is_meant_where_none_runs() -> None:
    closed = replace(OPEN, closed=True, status="completed", meter_stop=1, stopped_at=NOW)
    running = replace(OTHER, token_key="t1")
    assert transaction_of_stop(of(closed), stop(20)) == closed
    assert transaction_of_stop(of(closed, running), stop(20)) == running


def test_meter_values_without_id_belong_to_what_ran_at_their_time() -> None:
    ended = replace(OPEN, stopped_at=NOW + timedelta(minutes=5), stop_stamp=(1, 15), meter_stop=1)
    second = replace(OPEN, id=2, started_at=NOW + timedelta(minutes=6), stamp=(1, 16))
    for minutes, expected in ((1, ended), (5.5, None), (7, second), (-1, None)):
        values = report(20, NOW + timedelta(minutes=minutes))
        assert transaction_of_samples(of(ended, second), values) == expected
    elsewhere = report(20, NOW + timedelta(hours=1), connector_id=2)
    assert transaction_of_samples(of(second), elsewhere) is None


def test_values_are_not_given_to_what_is_there_for_an_earlier_report_alone() -> None:
    missing, *later = (
        replace(
            OPEN,
            id=number,
            status="stop_missing",
            stamp=(1, 10 * number),
            started_at=NOW + timedelta(minutes=10 * number),
        )
        for number in (1, 3, 4, 5)
    )
    # The second of five is not among the last ones before either of two reports.
    known = of(missing, *later)
    assert transaction_of_samples(known, report(11, NOW + timedelta(minutes=15))) == missing
    assert transaction_of_samples(known, report(60, NOW + timedelta(minutes=25))) is None


_STAMPS = st.tuples(st.integers(1, 2), st.integers(1, 9))


@given(st.lists(_STAMPS, min_size=1, max_size=5, unique=True), _STAMPS, st.integers(-9, 9))
def test_no_clock_makes_a_stop_end_what_was_not_the_last_start_before_it(
    starts: list[tuple[int, int]], sent: tuple[int, int], hours: int
) -> None:
    transactions = [
        replace(OPEN, id=number, stamp=stamp, flags=frozenset({"clock_not_set"}))
        for number, stamp in enumerate(starts)
    ]
    found = transaction_of_stop(
        of(*transactions), stop(1, stamp=sent, sent_at=NOW + timedelta(hours=hours))
    )
    before = [stamp for stamp in starts if stamp < sent]
    assert (found and found.stamp) == (max(before) if before else None)
