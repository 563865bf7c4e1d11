"""Cold boot: accepted, pending, rejected (OCPP 1.6, 4.2; OCPP-J 1.6, errata 3.10)."""

from datetime import UTC, datetime

import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import connected

STATUS = {"connectorId": 0, "errorCode": "NoError", "status": "Available"}


async def test_cold_boot_accepted(run: RunState, central: CentralSystem) -> None:
    async with connected(run.ocpp_url, central.station_id) as station:
        answer = await station.boot(chargePointSerialNumber="SN-7", firmwareVersion="1.0")
        assert answer["status"] == "Accepted"
        assert answer["interval"] > 0
        told = datetime.fromisoformat(answer["currentTime"])
        assert abs((datetime.now(UTC) - told).total_seconds()) < 60
        for connector_id in (0, 1, 2):
            await station.status(connector_id, "Available")
        assert (await station.call("Heartbeat", {})).keys() == {"currentTime"}
        kept = await central.station(lambda found: len(found["connectors"]) == 3)
        assert kept["online"]
        assert kept["registration_status"] == "accepted"
        assert (kept["serial_number"], kept["firmware_version"]) == ("SN-7", "1.0")
        assert kept["last_boot_at"] is not None
        assert {connector["status"] for connector in kept["connectors"]} == {"Available"}
        assert kept["tolerated"] == {}
    await central.station(lambda found: not found["online"])


async def test_cold_boot_with_an_interval_of_the_stations_own(
    run: RunState, central: CentralSystem
) -> None:
    await central.create(heartbeat_interval=77)
    async with connected(run.ocpp_url, central.station_id) as station:
        assert (await station.boot())["interval"] == 77


async def test_cold_boot_pending_then_accepted(run: RunState, central: CentralSystem) -> None:
    """While pending a station answers us, is sent no remote start, and sends only boots."""
    await central.create(boot_policy="pending")
    async with connected(run.ocpp_url, central.station_id) as station:
        answer = await station.boot()
        assert answer["status"] == "Pending"
        assert answer["interval"] > 0
        assert await station.refused("StatusNotification", STATUS) == "SecurityError"
        assert await station.refused("Authorize", {"idTag": "A"}) == "SecurityError"
        kept = await central.station()
        assert (kept["registration_status"], kept["connectors"]) == ("pending", [])
        key = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
        read = await central.command(
            station,
            "GetConfiguration",
            {"key": ["HeartbeatInterval"]},
            {"configurationKey": [key]},
        )
        assert read["status"] == "completed"
        refused = await central.operator.http.post(
            f"/stations/{station.station_id}/commands/RemoteStartTransaction", json={"idTag": "A"}
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "station_pending")
        assert station.nothing_asked()
        await central.change(boot_policy="accept")
        assert (await station.boot())["status"] == "Accepted"
        await station.status(0, "Available")
        assert (await central.station())["registration_status"] == "accepted"
        await central.connector(0, "Available")


async def test_cold_boot_pending_and_a_triggered_message(
    run: RunState, central: CentralSystem
) -> None:
    """OCPP 1.6, 4.2: a pending station may send what it was asked for by TriggerMessage."""
    await central.create(boot_policy="pending")
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        await central.command(
            station,
            "TriggerMessage",
            {"requestedMessage": "StatusNotification", "connectorId": 1},
            {"status": "Accepted"},
        )
        await station.status(1, "Available")
        await central.connector(1, "Available")
        assert await station.refused("Authorize", {"idTag": "A"}) == "SecurityError"


async def test_cold_boot_rejected(run: RunState, central: CentralSystem) -> None:
    await central.create(boot_policy="reject")
    async with connected(run.ocpp_url, central.station_id) as station:
        answer = await station.boot()
        assert answer["status"] == "Rejected"
        assert answer["interval"] > 0
        assert await station.refused("StatusNotification", STATUS) == "SecurityError"
        assert await station.refused("Heartbeat", {}) == "SecurityError"
        kept = await central.station()
        assert (kept["registration_status"], kept["connectors"]) == ("rejected", [])
        refused = await central.operator.http.post(
            f"/stations/{station.station_id}/commands/ClearCache", json={}
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "station_rejected")
        assert station.nothing_asked()


async def test_accepted_by_an_operator_while_connected(
    run: RunState, central: CentralSystem
) -> None:
    await central.create(boot_policy="pending")
    async with connected(run.ocpp_url, central.station_id) as station:
        assert (await station.boot())["status"] == "Pending"
        await central.change(registration_status="accepted")
        assert (await station.boot())["status"] == "Accepted"
        await station.status(1, "Available")
        await central.connector(1, "Available")


async def test_heartbeats_keep_a_station_seen(run: RunState, central: CentralSystem) -> None:
    """OCPP 1.6, 4.6."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        before = (await central.station())["last_seen_at"]
        await station.call("Heartbeat", {})
        await central.station(lambda found: found["last_seen_at"] > before)


@pytest.mark.parametrize(
    ("status", "error"),
    [("Faulted", "GroundFailure"), ("Unavailable", "NoError"), ("Reserved", "NoError")],
)
async def test_status_notifications_are_kept_as_sent(
    run: RunState, operator: Operator, central: CentralSystem, status: str, error: str
) -> None:
    """OCPP 1.6, 4.9."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        await station.status(1, "Available")
        await station.status(1, status, error)
        assert (await central.connector(1, status))["error_code"] == error
        await station.status(1, "Available")
        assert (await central.connector(1, "Available"))["error_code"] == "NoError"
