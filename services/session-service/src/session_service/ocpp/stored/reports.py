"""Stops and meter values that are stored as they were sent."""

from collections.abc import Callable

from csms_shared.contracts.read_calls import UnreadCall
from csms_shared.ocpp.versions import OCPP16
from session_service.metering.domain import MeterCall
from session_service.ocpp.stored.readers import Readers
from session_service.ocpp.v16.transactions import read_meter_values, read_stop
from session_service.transactions.domain.stops import Stop

STOPS: Readers[Callable[[UnreadCall], Stop]] = Readers("stop", {OCPP16: read_stop})
METER_VALUES: Readers[Callable[[UnreadCall], MeterCall]] = Readers(
    "meter_values", {OCPP16: read_meter_values}
)
