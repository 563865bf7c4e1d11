"""What stations of OCPP 1.6 send, as the domain gets it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from csms_shared.contracts.read_calls import Call, UnreadCall
from csms_shared.ocpp.versions import OCPP16
from session_service.ocpp.v16.transactions import read_meter_values, read_start, read_stop

RECEIVED_MS = 1_795_226_400_000
RECEIVED_AT = datetime.fromtimestamp(RECEIVED_MS / 1000, UTC)


def _call(**payload: Any) -> UnreadCall:
    return Call(
        station_id="CS-1",
        tenant_id="default",
        connection_id="c1",
        epoch=1,
        seq=2,
        boot_count=0,
        received_ms=RECEIVED_MS,
        deadline_ms=RECEIVED_MS + 10_000,
        version=OCPP16,
        reply_key=None,
        arrived_at=0.0,
        value=payload,
    )


@pytest.mark.parametrize(
    "text", ["2026-11-21T02:00:00Z", "2026-11-21 02:00:00", "2026-11-21T05:00:00+03"]
)
def test_a_start_keeps_its_time_as_it_was_sent_beside_what_it_means(text: str) -> None:
    start = read_start(_call(connectorId=1, idTag="T", meterStart=0, timestamp=text))
    assert start.raw_time == text
    assert start.sent_at == datetime(2026, 11, 21, 2, tzinfo=UTC)


def test_starts_whose_times_mean_the_same_are_one_start() -> None:
    keys = {
        read_start(_call(connectorId=1, idTag="T", meterStart=0, timestamp=text)).key
        for text in ("2026-11-21T02:00:00Z", "2026-11-21 02:00:00", "2026-11-21T02:00:00.000")
    }
    assert len(keys) == 1


def test_a_stop_keeps_time_and_reason_as_they_were_sent() -> None:
    payload = {"transactionId": 1, "meterStop": 5, "timestamp": "soon", "reason": "EVFull"}
    stop = read_stop(_call(**payload))
    assert stop.payload == payload
    assert (stop.sent_at, stop.stopped_at) == (
        None,
        datetime.fromtimestamp(RECEIVED_MS / 1000, UTC),
    )
    assert stop.reason == "EVFull"


def test_a_sample_without_a_readable_time_was_taken_when_it_was_received() -> None:
    meter_value = {"timestamp": "0000-00-00", "sampledValue": [{"value": "1"}]}
    (sample,) = read_meter_values(_call(connectorId=1, meterValue=[meter_value])).report.samples
    assert sample.sampled_at == RECEIVED_AT
