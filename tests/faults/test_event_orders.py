"""Each check of I9 on orders finds what it is there to find."""

from typing import Any

import pytest

from tests.faults.event_orders import (
    key_of,
    not_as_stored,
    not_stored_once,
    not_told_publicly,
    stored_out_of_order,
    told_out_of_order,
)
from tests.faults.event_stream import Told
from tests.faults.event_tap import EventTap


def event(position: int, name: str = "site.updated", subject: str = "S1", **data: Any) -> Told:
    return position, {
        "source": "/csms/a",
        "id": f"{name}-{subject}-{data}",
        "type": f"csms.{name}.v1",
        "subject": subject,
        "tenantid": "default",
        "data": data,
    }


FIRST, SECOND, OTHER = event(8, number=1), event(9, number=2), event(10, subject="S2")
STORED = [FIRST, SECOND, OTHER]


def tap_with(*told: Told) -> EventTap:
    tap = EventTap("amqp://127.0.0.1/")
    for position, one in told:
        tap.events[key_of(one)].append({**one, "position": str(position)})
    return tap


def test_what_is_stored_once_at_positions_without_a_gap_is_right() -> None:
    assert not_stored_once({key_of(FIRST[1]), key_of(OTHER[1])}, STORED, 7) == []


def test_what_is_not_stored_or_stored_twice_or_leaves_a_gap_is_found() -> None:
    committed = {key_of(one) for _, one in STORED}
    assert len(not_stored_once(committed, STORED[:2], 7)) == 1
    assert len(not_stored_once(committed, [*STORED, (11, FIRST[1])], 7)) == 1
    assert len(not_stored_once(committed, STORED, 6)) == 1
    assert len(not_stored_once(committed, [FIRST, OTHER, (10, SECOND[1])], 7)) == 1


def test_a_reader_that_is_told_everything_in_order_is_right() -> None:
    assert not_as_stored("stream", [*STORED], STORED) == []


@pytest.mark.parametrize(
    "told",
    [
        [FIRST, OTHER],
        [FIRST, FIRST, SECOND, OTHER],
        [SECOND, FIRST, OTHER],
        [FIRST, SECOND],
        [FIRST, SECOND, (10, {**OTHER[1], "data": {"other": True}})],
    ],
)
def test_a_reader_that_misses_repeats_turns_or_changes_an_event_is_found(
    told: list[Told],
) -> None:
    assert not_as_stored("stream", told, STORED)


def test_public_copies_may_be_repeated_and_subjects_overtake_each_other() -> None:
    tap = tap_with(OTHER, FIRST, SECOND, FIRST)
    assert not_told_publicly(tap, STORED) == []
    assert told_out_of_order(tap, 7) == []


def test_first_public_copies_of_a_subject_out_of_order_are_found() -> None:
    assert len(told_out_of_order(tap_with(SECOND, FIRST, SECOND), 7)) == 1


def test_what_was_not_told_publicly_or_otherwise_is_found() -> None:
    assert len(not_told_publicly(tap_with(FIRST, SECOND), STORED)) == 1
    other = (8, {**FIRST[1], "data": {"number": 3}})
    assert len(not_told_publicly(tap_with(FIRST, SECOND, OTHER, other), STORED)) == 1
    moved = (12, FIRST[1])
    assert len(not_told_publicly(tap_with(FIRST, SECOND, OTHER, moved), STORED)) == 1


def test_a_transaction_that_stops_before_it_has_started_is_found() -> None:
    started, stopped = "transaction.started", "transaction.stopped"
    right = [event(1, started, transaction_id=7), event(2, stopped, transaction_id=7)]
    wrong = [event(1, stopped, transaction_id=7), event(2, started, transaction_id=7)]
    assert stored_out_of_order(right) == []
    assert len(stored_out_of_order(wrong)) == 1


def test_a_connector_that_goes_back_is_found_and_another_one_is_not_compared() -> None:
    name = "connector.status_changed"
    newer: dict[str, Any] = {"epoch": 2, "seq": 1}
    older: dict[str, Any] = {"epoch": 1, "seq": 9}
    assert (
        stored_out_of_order(
            [event(1, name, connector_id=1, **newer), event(2, name, connector_id=2, **older)]
        )
        == []
    )
    assert stored_out_of_order(
        [event(1, name, connector_id=1, **newer), event(2, name, connector_id=1, **older)]
    )
