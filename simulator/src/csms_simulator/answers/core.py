"""Connectors, configuration, remote starts and stops, resets (core profile)."""

from contextlib import suppress

from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.session_script import run_session
from csms_simulator.wire import Payload

SOFT_RESET_PATIENCE = 5.0


async def change_availability(station: BareStation, request: Payload) -> Answer:
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


async def change_configuration(station: BareStation, request: Payload) -> Answer:
    """Change a key; a new AuthorizationKey counts from the next connection."""
    answer = station.configuration.change_configuration(request)
    if answer["status"] == "Accepted" and request["key"] == "AuthorizationKey":
        station.link.password = _password_bytes(request["value"])
    return Answer(answer)


async def clear_cache(station: BareStation, request: Payload) -> Answer:
    """Forget a cache that is always empty."""
    return Answer({"status": "Accepted"})


async def data_transfer(station: BareStation, request: Payload) -> Answer:
    """Know no vendor but its own."""
    known = request["vendorId"] == station.settings.vendor
    return Answer({"status": "Accepted" if known else "UnknownVendorId"})


async def get_configuration(station: BareStation, request: Payload) -> Answer:
    """List the configuration."""
    return Answer(station.configuration.get_configuration(request))


async def remote_start_transaction(station: BareStation, request: Payload) -> Answer:
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


async def remote_stop_transaction(station: BareStation, request: Payload) -> Answer:
    """End the session with that transaction id."""
    session = station.session_of(request["transactionId"])
    if session is None:
        return Answer({"status": "Rejected"})

    async def stop() -> None:
        session.request_stop("Remote")

    return Answer({"status": "Accepted"}, stop)


async def reset(station: BareStation, request: Payload) -> Answer:
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


async def unlock_connector(station: BareStation, request: Payload) -> Answer:
    """Unlock, ending a session on that connector (OCPP 1.6 core 5.18)."""
    if request["connectorId"] not in station.meters:
        return Answer({"status": "NotSupported"})

    async def stop() -> None:
        session = station.sessions.get(request["connectorId"])
        if session is not None:
            session.request_stop("UnlockCommand")

    return Answer({"status": "Unlocked"}, stop)


def _password_bytes(key: str) -> bytes:
    """Read an AuthorizationKey, which travels as hexadecimal text (security whitepaper, A01)."""
    try:
        return bytes.fromhex(key)
    except ValueError:
        return key.encode()
