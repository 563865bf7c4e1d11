"""Use case A04 of the security whitepaper: security events of stations."""

import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation, at, connected
from tests.integration.waiting import eventually

# Section 8: every event that is listed there, and whether it is critical.
LISTED = {
    "FirmwareUpdated": True,
    "FailedToAuthenticationAtCentralSystem": False,
    "CentralSystemFailedToAuthentication": False,
    "SettingSystemTime": True,
    "StartupOfTheDevice": True,
    "ResetOrReboot": True,
    "SecurityLogWasCleared": True,
    "ReconfigurationOfSecurityParameters": False,
    "MemoryExhaustion": True,
    "InvalidMessages": False,
    "AttemptedReplayAttacks": False,
    "TamperDetectionActivated": True,
    "InvalidFirmwareSignature": False,
    "InvalidFirmwareSigningCertificate": False,
    "InvalidCentralSystemCertificate": False,
    "InvalidChargePointCertificate": False,
    "InvalidTLSVersion": False,
    "InvalidTLSCipherSuite": False,
}


async def events(central: CentralSystem, number: int) -> list[Payload]:
    """Read the station's events once there are so many, oldest first."""
    found = await eventually(
        lambda: central.operator.items(
            "/security-events", station_id=central.station_id, source="station"
        ),
        lambda found: len(found) >= number,
    )
    return found[::-1]


async def test_a04_security_event_notification(
    station: PlayedStation, central: CentralSystem
) -> None:
    """Each event of section 8 is confirmed (A04.FR.03) and kept, critical where it is."""
    for type_ in LISTED:
        payload = {"type": type_, "timestamp": at(), "techInfo": f"of {type_}"}
        assert await station.call("SecurityEventNotification", payload) == {}
    found = await events(central, len(LISTED))
    assert {event["type"]: event["critical"] for event in found} == LISTED
    assert all(event["detail"] == f"of {event['type']}" for event in found)
    critical = await central.operator.items(
        "/security-events", station_id=central.station_id, critical="true"
    )
    assert len(critical) == sum(LISTED.values())


async def test_a04_an_event_of_the_vendors_own(
    station: PlayedStation, central: CentralSystem
) -> None:
    """The type is a text, and techInfo may be missing (whitepaper, 5.15)."""
    payload = {"type": "DoorOpenedAtNight", "timestamp": at()}
    assert await station.call("SecurityEventNotification", payload) == {}
    (event,) = await events(central, 1)
    assert (event["type"], event["critical"], event["detail"]) == ("DoorOpenedAtNight", False, None)


async def test_a04_events_queued_while_offline(run: RunState, central: CentralSystem) -> None:
    """A04.FR.02: they come after the connection, with the times at which they happened."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        await station.status(1, "Available")
    hours_ago = [at(3600 * hours) for hours in (3, 2, 1)]
    async with connected(run.ocpp_url, central.station_id) as station:
        for moment in hours_ago:
            payload = {"type": "TamperDetectionActivated", "timestamp": moment}
            assert await station.call("SecurityEventNotification", payload) == {}
    found = await events(central, 3)
    assert sorted(event["occurred_at"] for event in found) == hours_ago
    assert all(event["received_at"] > event["occurred_at"] for event in found)


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:12Z", "2026-11-21T02:00:00"])
async def test_a04_an_event_of_a_wrong_clock(
    station: PlayedStation, central: CentralSystem, moment: str
) -> None:
    payload = {"type": "SettingSystemTime", "timestamp": moment}
    assert await station.call("SecurityEventNotification", payload) == {}
    (event,) = await events(central, 1)
    assert event["station_time"] == moment
    await central.nothing_is_parked()
