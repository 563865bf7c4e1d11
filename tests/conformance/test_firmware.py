"""UpdateFirmware and FirmwareStatusNotification (OCPP 1.6, 5.19 and 4.5)."""

import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.followed_jobs import job, ordered, reported
from tests.conformance.played_station import PlayedStation, connected

FIRMWARE = {"location": "https://firmware.example/2.0.bin", "retries": 2, "retry_interval": 60}
DOWNLOAD = ["Downloading", "Downloaded"]


async def update(central: CentralSystem, station: PlayedStation) -> str:
    """Start an update that the station takes."""
    job_id, asked = await ordered(central, station, "firmware", FIRMWARE, "UpdateFirmware", {})
    retrieve = asked.payload.pop("retrieveDate")
    assert retrieve.endswith("Z")
    assert asked.payload == {
        "location": FIRMWARE["location"],
        "retries": 2,
        "retryInterval": 60,
    }
    return job_id


async def report(station: PlayedStation, *statuses: str) -> None:
    """Send statuses; the answer of each is empty."""
    for status in statuses:
        assert await station.call("FirmwareStatusNotification", {"status": status}) == {}


async def test_firmware_update(station: PlayedStation, central: CentralSystem) -> None:
    job_id = await update(central, station)
    await job(central, job_id, "started")
    await report(station, *DOWNLOAD, "Installing")
    await job(central, job_id, "running", station_status="Installing")
    await report(station, "Installed")
    await station.boot(firmwareVersion="2.0")
    found = await job(central, job_id, "succeeded", result="Installed")
    await reported(central, found["job_id"], [*DOWNLOAD, "Installing", "Installed"])
    assert found["finished_at"] is not None
    assert (await central.station())["firmware_version"] == "2.0"
    await central.nothing_is_parked()


@pytest.mark.parametrize(
    "statuses",
    [["Downloading", "DownloadFailed"], [*DOWNLOAD, "Installing", "InstallationFailed"]],
    ids=lambda statuses: statuses[-1],
)
async def test_firmware_update_fails(
    station: PlayedStation, central: CentralSystem, statuses: list[str]
) -> None:
    job_id = await update(central, station)
    await report(station, *statuses)
    found = await job(central, job_id, "failed", result=statuses[-1])
    await reported(central, found["job_id"], statuses)
    # Asked again by a trigger, it says that nothing is under way.
    await report(station, "Idle")
    await job(central, job_id, "failed", result=statuses[-1])
    await reported(central, job_id, [*statuses, "Idle"])


async def test_firmware_update_that_is_tried_again_by_the_station(
    station: PlayedStation, central: CentralSystem
) -> None:
    """OCPP 1.6, 6.55: `retries`."""
    job_id = await update(central, station)
    await report(station, "Downloading", "DownloadFailed")
    await job(central, job_id, "failed")
    await report(station, "Downloading")
    assert (await job(central, job_id, "running"))["finished_at"] is None
    await report(station, "Downloaded", "Installing", "Installed")
    await job(central, job_id, "succeeded")


async def test_firmware_update_and_the_station_reboots_before_its_last_status(
    run: RunState, central: CentralSystem
) -> None:
    """It boots with its new firmware at another gateway, and says there how it went."""
    first, second = (gateway.ocpp_url for gateway in run.gateways[:2])
    async with connected(first, central.station_id) as station:
        await station.boot(firmwareVersion="1.0")
        await station.status(1, "Available")
        job_id = await update(central, station)
        await report(station, *DOWNLOAD, "Installing")
    async with connected(second, central.station_id) as station:
        await station.boot(firmwareVersion="2.0")
        await job(central, job_id, "running", station_status="Installing")
        await report(station, "Installed")
        found = await job(central, job_id, "succeeded")
        await reported(central, found["job_id"], [*DOWNLOAD, "Installing", "Installed"])
        assert (await central.station())["firmware_version"] == "2.0"


async def test_firmware_update_without_a_job_is_kept_and_changes_nothing(
    station: PlayedStation, central: CentralSystem
) -> None:
    """Somebody updates the station by other means: it is answered like any other."""
    await report(station, *DOWNLOAD, "Installing", "Installed")
    job_id = await update(central, station)
    await job(central, job_id, "started")
    await reported(central, job_id, [])
    await central.nothing_is_parked()


async def test_firmware_update_of_a_station_that_wants_signatures(
    station: PlayedStation, central: CentralSystem
) -> None:
    """Whitepaper, L01.FR.20: UpdateFirmware is refused by NotSupported."""
    response = await central.operator.http.post(
        f"/stations/{central.station_id}/firmware-jobs", json=FIRMWARE
    )
    job_id = response.json()["job_id"]
    await station.refuse(await station.asked("UpdateFirmware"), "NotSupported")
    found = await job(central, job_id, "refused", result="NotSupported")
    await reported(central, found["job_id"], [])
    assert (await central.operator.get(f"/commands/{job_id}"))["status"] == "error"


async def test_firmware_status_asked_for(station: PlayedStation, central: CentralSystem) -> None:
    """OCPP 1.6, 5.17: a trigger is answered by the status of now, Idle without an update."""
    job_id = await update(central, station)
    await report(station, "Downloading")
    trigger = {"requestedMessage": "FirmwareStatusNotification"}
    await central.command(station, "TriggerMessage", trigger, {"status": "Accepted"})
    await report(station, "Downloading")
    await job(central, job_id, "running")
    await reported(central, job_id, ["Downloading", "Downloading"])
