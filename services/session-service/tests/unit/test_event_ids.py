"""An event's id stands for its content: what differs in any figure is another event."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from csms_shared.contracts.event_data.transactions import Correction
from csms_shared.contracts.events import CloudEvent
from csms_shared.ocpp.versions import OCPP16
from session_service.quarantine.handlers.events import quarantine_added
from session_service.quarantine.store.items import STOP, Unmatched
from session_service.transactions.domain.live_figures import Live
from session_service.transactions.domain.stops import Transaction
from session_service.transactions.handlers.events import (
    transaction_corrected,
    transaction_updated,
)

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
ENDED = Transaction(
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
    status="completed",
    flags=frozenset(),
    stopped_at=NOW + timedelta(hours=1),
    meter_stop=2000,
    stop_reason="Local",
)


def _id(before: Transaction, correction: Correction) -> str:
    _, event = transaction_corrected(before, ENDED, correction)
    return event.id


def test_a_correction_that_is_told_again_is_the_same_event() -> None:
    before = replace(ENDED, meter_stop=1500)
    assert _id(before, Correction.OWN_STOP) == _id(before, Correction.OWN_STOP)


@pytest.mark.parametrize(
    "before",
    [
        replace(ENDED, meter_stop=1501),
        replace(ENDED, meter_stop=1500, stopped_at=NOW + timedelta(hours=2)),
        replace(ENDED, meter_stop=1500, stop_reason="Remote"),
        replace(ENDED, meter_stop=1500, flags=frozenset({"conflicting_stops"})),
    ],
)
def test_a_correction_of_something_else_is_another_event(before: Transaction) -> None:
    known = _id(replace(ENDED, meter_stop=1500), Correction.OWN_STOP)
    assert _id(before, Correction.OWN_STOP) != known


def test_a_correction_for_another_reason_is_another_event() -> None:
    before = replace(ENDED, meter_stop=1500)
    assert _id(before, Correction.OWN_STOP) != _id(before, Correction.EARLIER_STOP)


ITEM = Unmatched(
    STOP,
    "S1",
    "default",
    None,
    0,
    "T1",
    "c",
    (1, 9),
    1,
    NOW,
    "nothing fits",
    OCPP16,
    {"meterStop": 1},
)


def _added(item: Unmatched) -> str:
    _, event = quarantine_added(item)
    return event.id


def test_an_item_of_the_quarantine_that_is_told_again_is_the_same_event() -> None:
    assert _added(replace(ITEM)) == _added(ITEM)


@pytest.mark.parametrize(
    "item",
    [
        replace(ITEM, stamp=(1, 10)),
        replace(ITEM, stamp=(2, 9)),
        replace(ITEM, boot_count=2),
        replace(ITEM, station_id="S2"),
        replace(ITEM, payload={"meterStop": 2}),
        replace(ITEM, reason="nothing fits any more"),
    ],
)
def test_an_item_that_differs_in_what_is_told_of_it_is_another_event(item: Unmatched) -> None:
    assert _added(item) != _added(ITEM)


def test_a_copy_that_the_station_sent_later_is_the_same_item_and_another_event() -> None:
    later = replace(ITEM, stamp=(2, 1))
    assert later.id == ITEM.id
    assert _added(later) != _added(ITEM)


SAMPLES = Path(__file__).parents[4] / "docs" / "messages" / "samples" / "events"
OPEN = replace(ENDED, status="active", stopped_at=None, meter_stop=None, stop_reason=None)
LIVE = Live(500, 7200.0, 40.5, NOW + timedelta(minutes=5))


def test_live_figures_are_told_as_the_sample_says() -> None:
    sample = CloudEvent.model_validate_json((SAMPLES / "transaction.updated.json").read_text())
    routing_key, event = transaction_updated(OPEN, LIVE)
    assert routing_key == "transaction.updated"
    assert event == sample.model_copy(update={"time": event.time})


@pytest.mark.parametrize(
    "figures",
    [
        replace(LIVE, energy_wh=None),
        replace(LIVE, power_w=7200.5),
        replace(LIVE, soc_percent=41.0),
        replace(LIVE, measured_at=NOW + timedelta(minutes=6)),
    ],
)
def test_other_live_figures_are_another_event(figures: Live) -> None:
    assert transaction_updated(OPEN, figures)[1].id != transaction_updated(OPEN, LIVE)[1].id
