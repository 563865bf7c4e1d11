"""Every message that a station can be asked for, by TriggerMessage and by ExtendedTriggerMessage
(OCPP 1.6, 5.17, 7.32, errata 3.46; security whitepaper)."""

import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation, connected
from tests.integration.waiting import eventually

ACCEPTED = {"status": "Accepted"}
BOTH = pytest.mark.parametrize("action", ["TriggerMessage", "ExtendedTriggerMessage"])
WITHIN_S = 60.0


async def trigger(
    station: PlayedStation, central: CentralSystem, action: str, requested: str, **more: int
) -> None:
    """Ask for a message; the station says that it will send it (first the answer, 5.17)."""
    payload: Payload = {"requestedMessage": requested, **more}
    command = await central.command(station, action, payload, ACCEPTED)
    assert (command["status"], command["accepted"]) == ("completed", True)


@BOTH
async def test_trigger_boot_notification(
    station: PlayedStation, central: CentralSystem, action: str
) -> None:
    before = await central.station()
    await trigger(station, central, action, "BootNotification")
    assert (await station.boot(firmwareVersion="7.1"))["status"] == "Accepted"
    after = await central.station(lambda found: found["last_boot_at"] > before["last_boot_at"])
    assert after["firmware_version"] == "7.1"


async def test_trigger_message_for_a_boot_before_one_was_accepted_and_after(
    run: RunState, central: CentralSystem
) -> None:
    """Errata 3.40: a strict station that was told Accepted is not asked for another boot."""
    boot = {"requestedMessage": "BootNotification"}
    await central.create(boot_policy="pending", strict=True)
    async with connected(run.ocpp_url, central.station_id) as station:
        assert (await station.boot())["status"] == "Pending"
        await central.change(boot_policy="accept", registration_status="accepted")
        assert (await central.command(station, "TriggerMessage", boot, ACCEPTED))["accepted"]
        assert (await station.boot())["status"] == "Accepted"
    async with connected(run.ocpp_url, central.station_id) as station:
        command = await central.operator.command(central.station_id, "TriggerMessage", boot)
        assert (command["status"], command["error"]["code"]) == ("error", "STATION_ACCEPTED")
        assert station.nothing_asked()


@BOTH
async def test_trigger_heartbeat(
    station: PlayedStation, central: CentralSystem, action: str
) -> None:
    await trigger(station, central, action, "Heartbeat")
    assert "currentTime" in await station.call("Heartbeat", {})
    assert (await central.station())["online"]
    await central.recorded("Heartbeat", 2)


@BOTH
async def test_trigger_status_notification_of_every_connector(
    station: PlayedStation, central: CentralSystem, action: str
) -> None:
    """Without a connector: the station itself and each of its connectors."""
    await trigger(station, central, action, "StatusNotification")
    for connector_id, status in ((0, "Available"), (1, "Unavailable"), (2, "Faulted")):
        await station.status(connector_id, status)
    for connector_id, status in ((0, "Available"), (1, "Unavailable"), (2, "Faulted")):
        await central.connector(connector_id, status)


@BOTH
@pytest.mark.parametrize("connector_id", [0, 1])
async def test_trigger_status_notification_of_one_connector(
    station: PlayedStation, central: CentralSystem, action: str, connector_id: int
) -> None:
    """Connector 0 asks for the status of the station itself."""
    requested = "StatusNotification"
    await trigger(station, central, action, requested, connectorId=connector_id)
    await station.status(connector_id, "Unavailable")
    await central.connector(connector_id, "Unavailable")


@BOTH
async def test_trigger_meter_values(
    station: PlayedStation, central: CentralSystem, id_token: str, action: str
) -> None:
    transaction_id = (await station.start(id_token))["transactionId"]
    await trigger(station, central, action, "MeterValues", connectorId=1)
    await station.meter(transaction_id, 1234)
    await station.stop(transaction_id)
    await central.completed(transaction_id)
    values = await central.operator.items(f"/transactions/{transaction_id}/meter-values")
    assert [value["raw"] for value in values] == ["1234"]


LATER = "2026-11-21T12:00:00Z"
JOBS: dict[str, tuple[str, Payload, Payload, str]] = {
    "FirmwareStatusNotification": (
        "UpdateFirmware",
        {"location": "http://127.0.0.1/firmware.bin", "retrieveDate": LATER},
        {},
        "Downloading",
    ),
    "DiagnosticsStatusNotification": (
        "GetDiagnostics",
        {"location": "http://127.0.0.1/diagnostics"},
        {"fileName": "diagnostics.zip"},
        "Uploading",
    ),
    "LogStatusNotification": (
        "GetLog",
        {
            "logType": "DiagnosticsLog",
            "requestId": 5,
            "log": {"remoteLocation": "http://127.0.0.1/log"},
        },
        {"status": "Accepted", "filename": "log.zip"},
        "Uploading",
    ),
}


@pytest.mark.parametrize(
    ("action", "requested"),
    [
        ("TriggerMessage", "FirmwareStatusNotification"),
        ("TriggerMessage", "DiagnosticsStatusNotification"),
        ("ExtendedTriggerMessage", "FirmwareStatusNotification"),
        ("ExtendedTriggerMessage", "LogStatusNotification"),
    ],
)
async def test_trigger_the_status_of_a_job(
    station: PlayedStation, central: CentralSystem, action: str, requested: str
) -> None:
    """How far a station is with what it was asked for."""
    order, payload, answer, status = JOBS[requested]
    command = await central.command(station, order, payload, answer)
    await trigger(station, central, action, requested)
    report = {"status": status}
    if requested == "LogStatusNotification":
        assert await station.call(requested, {**report, "requestId": 5}) == {}
    else:
        assert await station.call(requested, report) == {}
    job = await eventually(
        lambda: central.operator.items("/jobs", station_id=central.station_id),
        lambda found: [each["station_status"] for each in found] == [status],
        WITHIN_S,
    )
    assert (job[0]["job_id"], job[0]["status"]) == (command["command_id"], "running")


@pytest.mark.parametrize(
    ("action", "requested"),
    [
        ("TriggerMessage", "FirmwareStatusNotification"),
        ("TriggerMessage", "DiagnosticsStatusNotification"),
        ("ExtendedTriggerMessage", "FirmwareStatusNotification"),
        ("ExtendedTriggerMessage", "LogStatusNotification"),
    ],
)
async def test_trigger_the_status_of_a_station_that_does_nothing(
    station: PlayedStation, central: CentralSystem, action: str, requested: str
) -> None:
    """OCPP 1.6, 7.24 and 7.25: Idle is for a triggered message; it is of no job."""
    await trigger(station, central, action, requested)
    assert await station.call(requested, {"status": "Idle"}) == {}
    await central.recorded(requested, 2)
    assert await central.operator.items("/jobs", station_id=central.station_id) == []
    await central.nothing_is_parked()


async def test_trigger_sign_charge_point_certificate(
    station: PlayedStation, central: CentralSystem
) -> None:
    """Whitepaper, A02: the station asks for a certificate; one without a password gets none."""
    await trigger(station, central, "ExtendedTriggerMessage", "SignChargePointCertificate")
    answer = await station.call("SignCertificate", {"csr": "no request"})
    assert answer == {"status": "Rejected"}
    events = await eventually(
        lambda: central.operator.items("/security-events", station_id=central.station_id),
        bool,
        WITHIN_S,
    )
    assert {event["source"] for event in events} == {"suite"}
    assert await central.operator.items("/certificates", station_id=central.station_id) == []
    assert station.nothing_asked()


@BOTH
@pytest.mark.parametrize("status", ["Rejected", "NotImplemented"])
async def test_trigger_refused(
    station: PlayedStation, central: CentralSystem, action: str, status: str
) -> None:
    before = await central.station()
    for requested in (
        "BootNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    ):
        payload = {"requestedMessage": requested}
        command = await central.command(station, action, payload, {"status": status})
        assert (command["status"], command["accepted"]) == ("completed", False)
        assert command["response"] == {"status": status}
    assert (await central.station())["last_boot_at"] == before["last_boot_at"]
    assert station.nothing_asked()


async def test_trigger_of_a_message_that_is_none_is_refused_before_sending(
    station: PlayedStation, central: CentralSystem
) -> None:
    """OCPP 1.6, 7.32: transactions are no matter of it."""
    payload = {"requestedMessage": "StartTransaction"}
    await central.refused_before_sending("TriggerMessage", payload, "/requestedMessage")
    assert station.nothing_asked()


@BOTH
async def test_trigger_refused_by_an_error(
    station: PlayedStation, central: CentralSystem, action: str
) -> None:
    """A station that knows no triggers, or not the extended ones."""
    payload = {"requestedMessage": "Heartbeat"}
    command = await central.refused_command(station, action, payload, "NotImplemented")
    assert (command["status"], command["error"]["code"]) == ("error", "NotImplemented")
