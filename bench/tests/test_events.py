import json
from typing import Any

import pytest

from bench.events import compared

STARTED = "csms.transaction.started.v1"


def message(*events: tuple[str, str, str]) -> bytes:
    return json.dumps(
        [{"id": event_id, "type": kind, "subject": subject} for event_id, kind, subject in events]
    ).encode()


def result(starts: int) -> dict[str, Any]:
    return {
        "window": (100.0, 110.0),
        "answered": {"StartTransaction": starts},
        "differences": [],
    }


def test_a_delay_runs_from_the_outbox_rows_time_to_the_first_arrival() -> None:
    arrived = [
        (101.5, message(("1", STARTED, "S1"), ("2", STARTED, "S2"))),
        (109.0, message(("1", STARTED, "S1"))),
    ]
    found = compared({"1": 101.0, "2": 101.25}, arrived, "S", result(2))
    assert found["differences"] == []
    assert found["events"] == 2
    assert found["event_max_ms"] == pytest.approx(500)


def test_an_event_that_never_arrived_is_a_difference() -> None:
    found = compared({"1": 101.0}, [], "S", result(0))
    assert found["differences"] == ["1 committed events never arrived"]


def test_every_acknowledged_start_has_one_event() -> None:
    arrived = [(101.5, message(("1", STARTED, "S1")))]
    found = compared({"1": 101.0}, arrived, "S", result(2))
    assert found["differences"] == [f"1 events {STARTED}, 2 acknowledged"]


def test_another_systems_events_are_not_counted_as_the_loads() -> None:
    arrived = [(101.5, message(("1", STARTED, "S1"), ("2", STARTED, "OTHER")))]
    assert compared({"1": 101.0}, arrived, "S", result(1))["differences"] == []


def test_what_was_committed_after_the_load_is_not_timed() -> None:
    arrived = [(130.0, message(("1", STARTED, "S1")))]
    assert compared({"1": 120.0}, arrived, "S", result(1))["events"] == 0
