"""What goes into quarantine of a report that fits no transaction."""

from typing import Any

from csms_shared.values.numbers import parse_integer
from session_service.metering.domain import MeterCall
from session_service.quarantine.store.items import METER_VALUES, STOP, Unmatched
from session_service.transactions.domain.stops import Stop


def unmatched_stop(stop: Stop, payload: dict[str, Any]) -> Unmatched:
    """Return what goes into quarantine for a stop that fits no transaction."""
    return Unmatched(
        STOP,
        stop.station_id,
        stop.tenant_id,
        None,
        parse_integer(stop.named_id),
        stop.id_token,
        stop.connection_id,
        stop.stamp,
        stop.boot_count,
        stop.received_at,
        f"the station has no transaction {stop.named_id}, and no single open one fits",
        stop.ocpp_version,
        payload,
    )


def unmatched_meter_values(call: MeterCall) -> Unmatched:
    """Return what goes into quarantine for values under an id that is nobody's."""
    report = call.report
    return Unmatched(
        METER_VALUES,
        report.station_id,
        report.tenant_id,
        report.connector_id,
        None if report.named_id is None else parse_integer(report.named_id),
        None,
        report.connection_id,
        report.stamp,
        None,
        report.received_at,
        f"the station has no transaction {report.named_id}, and no single one fits",
        call.ocpp_version,
        call.payload,
    )
