from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from csms_simulator.check import Fault, ReportedTransaction, compare
from csms_simulator.ledger import Ledger, PromisedTransaction, number_text

START: dict[str, Any] = {
    "connectorId": 1,
    "idTag": "Tag",
    "meterStart": 100,
    "timestamp": "2026-01-01T10:00:00.000Z",
}
ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
STOP: dict[str, Any] = {
    "transactionId": 7,
    "meterStop": 350,
    "timestamp": "2026-01-01T11:00:00.000Z",
    "reason": "Local",
}
METER_VALUES: dict[str, Any] = {
    "connectorId": 1,
    "transactionId": 7,
    "meterValue": [
        {
            "timestamp": "2026-01-01T10:30:00Z",
            "sampledValue": [{"value": "200"}, {"value": "11000.0", "measurand": "Power"}],
        }
    ],
}


def acknowledge(ledger: Ledger, action: str, payload: dict[str, Any], **response: Any) -> None:
    ledger.sent("S1", action, payload)
    ledger.acknowledged("S1", action, payload, response, 0.01)


def full_ledger() -> Ledger:
    ledger = Ledger()
    acknowledge(ledger, "StartTransaction", START, transactionId=7, **ACCEPTED)
    acknowledge(ledger, "MeterValues", METER_VALUES)
    acknowledge(ledger, "StopTransaction", STOP)
    return ledger


def as_promised(promised: PromisedTransaction) -> ReportedTransaction:
    stop = promised.stops_sent[0]
    return ReportedTransaction(
        transaction_id=promised.transaction_id,
        key=promised.key,
        status="completed",
        meter_stop=stop.meter_stop,
        stopped_at=stop.stopped_at,
        energy_wh=250.0,
        samples=Counter(promised.samples),
    )


def test_a_kept_promise_has_no_difference() -> None:
    ledger = full_ledger()
    assert compare(ledger, [as_promised(ledger.transactions[7])]) == []


def test_a_missing_transaction_is_lost() -> None:
    assert [d.fault for d in compare(full_ledger(), [])] == [Fault.LOST]


def test_a_second_transaction_for_the_same_start_is_doubled() -> None:
    ledger = full_ledger()
    good = as_promised(ledger.transactions[7])
    faults = [d.fault for d in compare(ledger, [good, replace(good, transaction_id=8)])]
    assert faults == [Fault.DOUBLED]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"status": "active", "meter_stop": None}, Fault.LOST),
        ({"meter_stop": 351, "energy_wh": 251.0}, Fault.WRONG),
        ({"energy_wh": 1.0}, Fault.WRONG),
        ({"samples": Counter()}, Fault.LOST),
    ],
)
def test_a_changed_record_is_found(change: dict[str, Any], fault: Fault) -> None:
    ledger = full_ledger()
    reported = replace(as_promised(ledger.transactions[7]), **change)
    assert {d.fault for d in compare(ledger, [reported])} == {fault}


def test_a_sample_stored_twice_is_doubled() -> None:
    ledger = full_ledger()
    good = as_promised(ledger.transactions[7])
    twice = replace(good, samples=Counter(dict.fromkeys(good.samples, 2)))
    assert {d.fault for d in compare(ledger, [twice])} == {Fault.DOUBLED}


def test_a_transaction_that_no_station_started_is_wrong() -> None:
    ledger = full_ledger()
    good = as_promised(ledger.transactions[7])
    stranger = replace(good, transaction_id=8, key=("S1", 2, "tag", good.key[3], 100))
    assert [d.fault for d in compare(ledger, [good, stranger])] == [Fault.WRONG]


def test_an_unacknowledged_start_may_or_may_not_be_there() -> None:
    ledger = full_ledger()
    good = as_promised(ledger.transactions[7])
    ledger.sent("S1", "StartTransaction", {**START, "connectorId": 2})
    travelled = replace(good, transaction_id=8, key=("S1", 2, *good.key[2:]))
    assert compare(ledger, [good]) == compare(ledger, [good, travelled]) == []


def test_an_unacknowledged_sample_may_or_may_not_be_there() -> None:
    ledger = full_ledger()
    good = as_promised(ledger.transactions[7])
    later = {**METER_VALUES["meterValue"][0], "timestamp": "2026-01-01T10:31:00Z"}
    ledger.sent("S1", "MeterValues", {**METER_VALUES, "meterValue": [later]})
    promised = ledger.transactions[7]
    everything = replace(good, samples=Counter(promised.samples_unacknowledged))
    assert len(everything.samples) == 4
    assert compare(ledger, [good]) == compare(ledger, [everything]) == []


def test_two_ids_for_one_start_contradict_each_other() -> None:
    ledger = full_ledger()
    acknowledge(ledger, "StartTransaction", START, transactionId=8, **ACCEPTED)
    assert len(ledger.contradictions) == 1


def test_one_id_for_two_starts_is_a_contradiction() -> None:
    ledger = full_ledger()
    other = {**START, "connectorId": 2}
    acknowledge(ledger, "StartTransaction", other, transactionId=7, **ACCEPTED)
    assert len(ledger.contradictions) == 1


def test_a_transaction_id_that_is_not_positive_is_a_contradiction() -> None:
    ledger = Ledger()
    acknowledge(ledger, "StartTransaction", START, transactionId=0, **ACCEPTED)
    assert len(ledger.contradictions) == 1


def test_a_later_different_stop_promises_nothing() -> None:
    ledger = full_ledger()
    acknowledge(ledger, "StopTransaction", {**STOP, "meterStop": 999})
    assert [stop.meter_stop for stop in ledger.transactions[7].stops_sent] == [350]


def test_a_command_written_twice_is_a_contradiction() -> None:
    ledger = Ledger()
    ledger.command_received("S1", "id", "ClearCache", {})
    ledger.command_received("S1", "id", "ClearCache", {})
    assert len(ledger.contradictions) == 1


def test_a_malformed_payload_promises_nothing() -> None:
    ledger = Ledger()
    acknowledge(ledger, "StartTransaction", {"idTag": 1}, transactionId=1)
    acknowledge(ledger, "MeterValues", {"transactionId": [], "meterValue": 3})
    assert ledger.transactions == {}
    assert len(ledger.calls) == 2


def test_numbers_are_equal_however_they_are_written() -> None:
    assert number_text("1") == number_text(1.0) == number_text("1.00")
    assert number_text("n/a") == "n/a"
