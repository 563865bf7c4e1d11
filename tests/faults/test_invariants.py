"""The invariants themselves: each finds what it is there to find."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms_simulator.check import ReportedTransaction
from csms_simulator.ledger import Ledger, ReceivedCommand
from tests.faults.billing_invariants import judge_reservation
from tests.faults.command_invariants import judge_command, judge_endings
from tests.faults.event_invariants import missing_facts
from tests.faults.event_tap import EventTap
from tests.faults.session_invariants import timeline_violations
from tests.faults.watch import Away

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
START = {
    "connectorId": 1,
    "idTag": "TAG",
    "meterStart": 1000,
    "timestamp": "2026-11-21T12:00:00.000Z",
}
METER_VALUES = {
    "connectorId": 1,
    "transactionId": 7,
    "meterValue": [{"timestamp": "2026-11-21T12:01:00.000Z", "sampledValue": [{"value": "1100"}]}],
}
STOP = {"transactionId": 7, "meterStop": 1200, "timestamp": "2026-11-21T12:02:00.000Z"}


def command(**changes: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "action": "ClearCache",
        "status": "completed",
        "response": b'{"status": "Accepted"}',
        "error": None,
        "sent_at": NOW,
        "completed_at": NOW + timedelta(seconds=1),
        "deadline": NOW + timedelta(seconds=10),
    } | changes


def received(**changes: Any) -> ReceivedCommand:
    call = ReceivedCommand("S1", "c1", "ClearCache", {}, NOW, answer={"status": "Accepted"})
    return replace(call, **changes)


def found(row: dict[str, Any], *calls: ReceivedCommand) -> list[str]:
    return [violation.invariant for violation in judge_command(row, calls, timedelta())]


def test_a_command_that_was_written_once_and_answered_is_right() -> None:
    assert found(command(), received()) == []


def test_a_command_that_was_written_twice_is_found() -> None:
    assert found(command(), received(), received()) == ["I3"]


def test_a_command_that_was_written_after_its_deadline_is_found() -> None:
    assert found(command(), received(received_at=NOW + timedelta(minutes=1))) == ["I3"]


@pytest.mark.parametrize("status", ["station_offline", "expired"])
def test_a_command_that_is_said_not_to_have_been_written_and_was_is_found(status: str) -> None:
    assert found(command(status=status, response=None), received()) == ["I4"]


def test_an_answer_that_the_station_did_not_give_is_found() -> None:
    assert found(command(), received(answer={"status": "Rejected"})) == ["I4"]
    assert found(command()) == ["I4"]


def test_only_an_unknown_outcome_is_replaced_and_once() -> None:
    assert judge_endings(command(), {"completed"}, []) == []
    assert judge_endings(command(), {"outcome_unknown", "completed"}, []) == []
    assert judge_endings(command(), {"error", "completed"}, [])
    assert judge_endings(command(status="expired"), {"expired", "outcome_unknown"}, [])


def test_a_command_that_ends_too_late_is_found() -> None:
    late = command(status="outcome_unknown", completed_at=NOW + timedelta(minutes=2))
    assert judge_endings(late, {"outcome_unknown"}, [])


def test_a_command_that_falls_due_while_nothing_can_be_ended_is_due_afterwards() -> None:
    late = command(status="outcome_unknown", completed_at=NOW + timedelta(minutes=10))
    outage = Away(NOW + timedelta(seconds=5), NOW + timedelta(minutes=10))
    assert judge_endings(late, {"outcome_unknown"}, [outage]) == []
    assert judge_endings(
        {**late, "completed_at": NOW + timedelta(minutes=11)}, {"outcome_unknown"}, [outage]
    )
    later = Away(NOW + timedelta(minutes=9), NOW + timedelta(minutes=10))
    assert judge_endings(late, {"outcome_unknown"}, [later])


def test_an_open_transaction_and_a_meter_that_jumps_are_found() -> None:
    first = ReportedTransaction(
        1, ("S1", 1, "tag", NOW, 1000), "completed", 1200, NOW, 200.0, Counter()
    )
    after = ("S1", 1, "tag", NOW + timedelta(hours=1), 1200)
    assert timeline_violations([first, replace(first, transaction_id=2, key=after)]) == []
    jumped = replace(first, transaction_id=2, key=(*after[:4], 1000))
    assert len(timeline_violations([first, jumped])) == 1
    assert len(timeline_violations([replace(first, status="active")])) == 1


def told(name: str, event_id: str, **data: Any) -> tuple[tuple[str, str], dict[str, Any]]:
    return ("/csms", event_id), {"type": f"csms.{name}.v1", "id": event_id, "data": data}


ALL_TOLD = (
    told("transaction.started", "a", transaction_id=7),
    told("transaction.stopped", "b", transaction_id=7),
    told("meter_values.received", "c", transaction_id=7, meter_values=METER_VALUES["meterValue"]),
)


@pytest.fixture
def ledger() -> Ledger:
    kept = Ledger()
    answer = {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}
    for action, payload, response in (
        ("StartTransaction", START, answer),
        ("MeterValues", METER_VALUES, {}),
        ("StopTransaction", STOP, {}),
    ):
        kept.sent("S1", action, payload)
        kept.acknowledged("S1", action, payload, response, 0.01)
    return kept


def tap_with(*events: tuple[tuple[str, str], dict[str, Any]]) -> EventTap:
    tap = EventTap("amqp://127.0.0.1/")
    for key, event in events:
        tap.events[key].append(event)
    return tap


def test_facts_told_once_or_again_under_the_same_id_are_right(ledger: Ledger) -> None:
    assert missing_facts(tap_with(*ALL_TOLD), ledger) == []
    assert missing_facts(tap_with(*ALL_TOLD, *ALL_TOLD), ledger) == []


@pytest.mark.parametrize("untold", range(3))
def test_a_fact_that_was_not_told_is_found(ledger: Ledger, untold: int) -> None:
    events = [event for number, event in enumerate(ALL_TOLD) if number != untold]
    assert len(missing_facts(tap_with(*events), ledger)) == 1


@pytest.mark.parametrize("twice", range(3))
def test_a_fact_that_was_told_under_two_ids_is_found(ledger: Ledger, twice: int) -> None:
    (source, _), event = ALL_TOLD[twice]
    assert len(missing_facts(tap_with(*ALL_TOLD, ((source, "other"), event)), ledger)) == 1


def _bill(bill_id: int, kind: str = "bill", **changes: Any) -> dict[str, Any]:
    return {"bill_id": bill_id, "kind": kind, "corrects": None, "position": bill_id} | changes


_TAKEN_BACK = [_bill(1), _bill(2, "credit", corrects=1)]


@pytest.mark.parametrize(
    ("is_owed", "bills", "wrong"),
    [
        (True, [_bill(1)], 0),
        (True, [*_TAKEN_BACK, _bill(3)], 0),
        (False, [], 0),
        (False, _TAKEN_BACK, 0),
        (True, [], 1),
        (True, [_bill(1), _bill(2)], 1),
        (True, _TAKEN_BACK, 1),
        (False, [_bill(1)], 1),
        (True, [_bill(1, position=None)], 1),
    ],
)
def test_a_reservation_has_the_bill_that_it_ought_to_have(
    is_owed: bool, bills: list[dict[str, Any]], wrong: int
) -> None:
    reserved = {"id": 7, "status": "expired", "is_owed": is_owed}
    assert len(judge_reservation(reserved, bills)) == wrong
