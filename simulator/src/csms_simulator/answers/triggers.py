"""TriggerMessage, and ExtendedTriggerMessage of the security whitepaper."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from csms_simulator.answer import Answer
from csms_simulator.answers.file_uploads import DIAGNOSTICS, LOG
from csms_simulator.answers.firmware import PLAIN, SIGNED
from csms_simulator.bare_station import BareStation
from csms_simulator.wire import Payload


async def trigger_message(station: BareStation, request: Payload) -> Answer:
    """Send the wanted message after the answer."""
    return await _trigger(station, request, PLAIN)


async def extended_trigger_message(station: BareStation, request: Payload) -> Answer:
    """Send the wanted message after the answer (security whitepaper, 5.5)."""
    return await _trigger(station, request, SIGNED)


async def _trigger(station: BareStation, request: Payload, firmware: str) -> Answer:
    connector_id = request.get("connectorId")

    async def status() -> None:
        for number in station.connector_status if connector_id is None else [connector_id]:
            await station.report_connector(number)

    async def meter_values() -> None:
        for number, session in station.sessions.items():
            if connector_id in (None, number):
                session.take_sample()

    triggered: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "BootNotification": station.boot,
        "DiagnosticsStatusNotification": partial(station.reports.repeat, DIAGNOSTICS),
        "FirmwareStatusNotification": partial(station.reports.repeat, firmware),
        "Heartbeat": station.heartbeat,
        "LogStatusNotification": partial(station.reports.repeat, LOG),
        "MeterValues": meter_values,
        "StatusNotification": status,
    }
    chosen = triggered.get(request["requestedMessage"])
    if chosen is None:
        return Answer({"status": "NotImplemented"})
    if connector_id is not None and connector_id not in station.connector_status:
        return Answer({"status": "Rejected"})
    return Answer({"status": "Accepted"}, chosen)
