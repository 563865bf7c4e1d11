"""What the firmware does when the central system calls.

Every handler can be replaced per station; an action without one is answered NotImplemented.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from csms_simulator.answer import Answer
from csms_simulator.answers.file_uploads import DIAGNOSTICS, LOG, get_diagnostics, get_log
from csms_simulator.answers.firmware import PLAIN, SIGNED, signed_update_firmware, update_firmware
from csms_simulator.charging_profiles import (
    clear_charging_profile,
    get_composite_schedule,
    set_charging_profile,
)
from csms_simulator.local_list import get_local_list_version, send_local_list
from csms_simulator.reservations import cancel_reservation, reserve_now
from csms_simulator.session_script import run_session
from csms_simulator.wire import Payload

if TYPE_CHECKING:
    from csms_simulator.station import SimulatedStation

SOFT_RESET_PATIENCE = 5.0


async def change_availability(station: "SimulatedStation", request: Payload) -> Answer:
    """Change the status of one connector or of all, and report it; busy ones keep charging."""
    wanted = "Available" if request["type"] == "Operative" else "Unavailable"
    chosen = request["connectorId"]
    if chosen not in station.connector_status:
        return Answer({"status": "Rejected"})
    connector_ids = [chosen] if chosen else list(station.connector_status)
    if any(connector_id in station.sessions for connector_id in connector_ids):
        return Answer({"status": "Scheduled"})

    async def report() -> None:
        for connector_id in connector_ids:
            await station.report_connector(connector_id, wanted)

    return Answer({"status": "Accepted"}, report)


async def change_configuration(station: "SimulatedStation", request: Payload) -> Answer:
    """Change a key; a new AuthorizationKey counts from the next connection."""
    answer = station.configuration.change_configuration(request)
    if answer["status"] == "Accepted" and request["key"] == "AuthorizationKey":
        station.link.password = _password_bytes(request["value"])
    return Answer(answer)


async def clear_cache(station: "SimulatedStation", request: Payload) -> Answer:
    """Forget a cache that is always empty."""
    return Answer({"status": "Accepted"})


async def data_transfer(station: "SimulatedStation", request: Payload) -> Answer:
    """Know no vendor but its own."""
    known = request["vendorId"] == station.settings.vendor
    return Answer({"status": "Accepted" if known else "UnknownVendorId"})


async def get_configuration(station: "SimulatedStation", request: Payload) -> Answer:
    """List the configuration."""
    return Answer(station.configuration.get_configuration(request))


async def remote_start_transaction(station: "SimulatedStation", request: Payload) -> Answer:
    """Start a session on the wanted or the first free connector."""
    wanted = request.get("connectorId")
    candidates = [wanted] if wanted else [c for c in station.connector_status if c > 0]
    free = [
        c
        for c in candidates
        if c not in station.sessions
        and c not in station.remote_starts
        and station.connector_status.get(c) in ("Available", "Preparing")
    ]
    if not free:
        return Answer({"status": "Rejected"})
    connector_id = free[0]

    async def charge() -> None:
        # From here on, for the session is open only after the connector's status was reported.
        station.remote_starts.add(connector_id)
        try:
            await run_session(
                station, connector_id, request["idTag"], station.remote_plan, authorize=False
            )
        finally:
            station.remote_starts.discard(connector_id)

    return Answer({"status": "Accepted"}, charge)


async def remote_stop_transaction(station: "SimulatedStation", request: Payload) -> Answer:
    """End the session with that transaction id."""
    session = station.session_of(request["transactionId"])
    if session is None:
        return Answer({"status": "Rejected"})

    async def stop() -> None:
        session.request_stop("Remote")

    return Answer({"status": "Accepted"}, stop)


async def reset(station: "SimulatedStation", request: Payload) -> Answer:
    """End the sessions, close the connection, come back and boot.

    A soft reset first delivers the ends of the sessions, a hard one does that after the boot.
    """
    soft = request["type"] == "Soft"

    async def restart() -> None:
        ending = list(station.sessions.values())
        for session in ending:
            session.request_stop("SoftReset" if soft else "HardReset")
        if soft:
            with suppress(TimeoutError):  # the queue outlives the reset
                for session in ending:
                    await session.wait_ended(SOFT_RESET_PATIENCE)
        await station.power_cycle()

    return Answer({"status": "Accepted"}, restart)


async def unlock_connector(station: "SimulatedStation", request: Payload) -> Answer:
    """Unlock, ending a session on that connector (OCPP 1.6 core 5.18)."""
    if request["connectorId"] not in station.meters:
        return Answer({"status": "NotSupported"})

    async def stop() -> None:
        session = station.sessions.get(request["connectorId"])
        if session is not None:
            session.request_stop("UnlockCommand")

    return Answer({"status": "Unlocked"}, stop)


async def trigger_message(station: "SimulatedStation", request: Payload) -> Answer:
    """Send the wanted message after the answer."""
    return await _trigger(station, request, PLAIN)


async def extended_trigger_message(station: "SimulatedStation", request: Payload) -> Answer:
    """Send the wanted message after the answer (security whitepaper, 5.5)."""
    return await _trigger(station, request, SIGNED)


async def _trigger(station: "SimulatedStation", request: Payload, firmware: str) -> Answer:
    connector_id = request.get("connectorId")

    async def status() -> None:
        for number in station.connector_status if connector_id is None else [connector_id]:
            await station.report_connector(number)

    async def meter_values() -> None:
        for number, session in station.sessions.items():
            if connector_id in (None, number):
                session.take_sample()

    triggered: dict[str, Callable[[], Any]] = {
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


def _password_bytes(key: str) -> bytes:
    """Read an AuthorizationKey, which travels as hexadecimal text (security whitepaper, A01)."""
    try:
        return bytes.fromhex(key)
    except ValueError:
        return key.encode()


DEFAULT_HANDLERS: dict[str, Callable[["SimulatedStation", Payload], Awaitable[Answer | Payload]]]
DEFAULT_HANDLERS = {
    "CancelReservation": cancel_reservation,
    "ChangeAvailability": change_availability,
    "ChangeConfiguration": change_configuration,
    "ClearCache": clear_cache,
    "ClearChargingProfile": clear_charging_profile,
    "DataTransfer": data_transfer,
    "ExtendedTriggerMessage": extended_trigger_message,
    "GetCompositeSchedule": get_composite_schedule,
    "GetConfiguration": get_configuration,
    "GetDiagnostics": get_diagnostics,
    "GetLocalListVersion": get_local_list_version,
    "GetLog": get_log,
    "RemoteStartTransaction": remote_start_transaction,
    "RemoteStopTransaction": remote_stop_transaction,
    "ReserveNow": reserve_now,
    "Reset": reset,
    "SendLocalList": send_local_list,
    "SetChargingProfile": set_charging_profile,
    "SignedUpdateFirmware": signed_update_firmware,
    "TriggerMessage": trigger_message,
    "UnlockConnector": unlock_connector,
    "UpdateFirmware": update_firmware,
}
