"""Use case L01 of the security whitepaper: signed firmware, in all its outcomes."""

from datetime import UTC, datetime, timedelta

import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.followed_jobs import job, ordered, reported
from tests.conformance.played_station import Payload, PlayedStation, at, connected
from tests.integration.waiting import eventually

ACTION = "SignedUpdateFirmware"
SIGNED: Payload = {
    "location": "https://firmware.example/2.0.bin",
    "signing_certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "signature": "c2lnbmF0dXJl",
}
ACCEPTED = {"status": "Accepted"}
VERIFIED = ["Downloading", "Downloaded", "SignatureVerified"]


async def update(
    central: CentralSystem, station: PlayedStation, status: str = "Accepted", **more: str
) -> tuple[str, int]:
    """Start a signed update that the station answers so; the ids of job and request."""
    job_id, asked = await ordered(
        central, station, "firmware", {**SIGNED, **more}, ACTION, {"status": status}
    )
    firmware = asked.payload["firmware"]
    # L01.FR.11: the certificate goes with it.
    assert firmware["signingCertificate"] == SIGNED["signing_certificate"]
    assert firmware["signature"] == SIGNED["signature"]
    return job_id, int(asked.payload["requestId"])


async def report(station: PlayedStation, request_id: int | None, *statuses: str) -> None:
    """Send statuses; the answer of each is empty."""
    named = {} if request_id is None else {"requestId": request_id}
    for status in statuses:
        payload = {"status": status, **named}
        assert await station.call("SignedFirmwareStatusNotification", payload) == {}


async def security_event(station: PlayedStation, central: CentralSystem, type_: str) -> Payload:
    """Report a security event, and read it."""
    payload = {"type": type_, "timestamp": at(), "techInfo": "of an update"}
    assert await station.call("SecurityEventNotification", payload) == {}
    found = await eventually(
        lambda: central.operator.items(
            "/security-events", station_id=central.station_id, type=type_
        ),
        bool,
    )
    return found[0]


async def test_l01_secure_firmware_update(run: RunState, central: CentralSystem) -> None:
    """Every intermediate state, a reboot (L01.FR.15) and another gateway on the way."""
    first, second = (gateway.ocpp_url for gateway in run.gateways[:2])
    before = ["DownloadScheduled", "Downloading", "DownloadPaused", *VERIFIED]
    async with connected(first, central.station_id) as station:
        await station.boot(firmwareVersion="1.0")
        await station.status(1, "Available")
        job_id, request_id = await update(central, station)
        await report(station, request_id, *before)
        await job(central, job_id, "running", station_status="SignatureVerified")
        await report(station, request_id, "Installing", "InstallRebooting")
    async with connected(second, central.station_id) as station:
        await station.boot(firmwareVersion="2.0")
        await job(central, job_id, "running", station_status="InstallRebooting")
        await report(station, request_id, "Installed")
        event = await security_event(station, central, "FirmwareUpdated")
        assert (event["critical"], event["source"]) == (True, "station")
        found = await job(central, job_id, "succeeded", result="Installed")
        await reported(
            central, found["job_id"], [*before, "Installing", "InstallRebooting", "Installed"]
        )
        assert found["request_id"] == request_id
        assert (await central.station())["firmware_version"] == "2.0"
        # L01.FR.28: asked afterwards, it is Idle, without a request id.
        await report(station, None, "Idle")
        await job(central, job_id, "succeeded", station_status="Installed")
    await central.nothing_is_parked()


@pytest.mark.parametrize("status", ["InvalidCertificate", "RevokedCertificate", "Rejected"])
async def test_l01_secure_firmware_update_refused(
    station: PlayedStation, central: CentralSystem, status: str
) -> None:
    """L01.FR.24 and 25: nothing is downloaded."""
    job_id, _ = await update(central, station, status)
    if status != "Rejected":
        event = await security_event(station, central, "InvalidFirmwareSigningCertificate")
        assert not event["critical"]
    found = await job(central, job_id, "refused", result=status)
    await reported(central, found["job_id"], [])
    command = await central.operator.get(f"/commands/{job_id}")
    assert (command["status"], command["accepted"]) == ("completed", False)


@pytest.mark.parametrize(
    ("statuses", "event"),
    [
        (["Downloading", "DownloadFailed"], None),
        (["Downloading", "Downloaded", "InvalidSignature"], "InvalidFirmwareSignature"),
        ([*VERIFIED, "InstallVerificationFailed"], None),
        ([*VERIFIED, "Installing", "InstallationFailed"], None),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
async def test_l01_secure_firmware_update_fails(
    station: PlayedStation, central: CentralSystem, statuses: list[str], event: str | None
) -> None:
    job_id, request_id = await update(central, station)
    await report(station, request_id, *statuses)
    if event is not None:
        assert not (await security_event(station, central, event))["critical"]
    found = await job(central, job_id, "failed", result=statuses[-1])
    await reported(central, found["job_id"], statuses)
    assert found["finished_at"] is not None


async def test_l01_installation_at_a_later_time(
    station: PlayedStation, central: CentralSystem
) -> None:
    """L01.FR.16: the job has its whole time from the date of installation on."""
    install_at = datetime.now(UTC) + timedelta(days=3)
    job_id, request_id = await update(central, station, install_at=install_at.isoformat())
    await report(station, request_id, *VERIFIED, "InstallScheduled")
    found = await job(central, job_id, "running", station_status="InstallScheduled")
    assert datetime.fromisoformat(found["deadline"]) > install_at
    await report(station, request_id, "Installing", "Installed")
    await job(central, job_id, "succeeded")


async def test_l01_download_at_a_later_time(station: PlayedStation, central: CentralSystem) -> None:
    """L01.FR.13."""
    retrieve_at = datetime.now(UTC) + timedelta(days=2)
    job_id, request_id = await update(central, station, retrieve_at=retrieve_at.isoformat())
    await report(station, request_id, "DownloadScheduled")
    found = await job(central, job_id, "running", station_status="DownloadScheduled")
    assert datetime.fromisoformat(found["deadline"]) > retrieve_at


async def test_l01_a_newer_update_cancels_the_older_one(
    station: PlayedStation, central: CentralSystem
) -> None:
    """L01.FR.26: AcceptedCanceled; each status is of the update whose request it names."""
    older, older_request = await update(central, station)
    await report(station, older_request, *VERIFIED, "InstallScheduled")
    await job(central, older, "running")
    newer, newer_request = await update(central, station, "AcceptedCanceled")
    assert newer_request != older_request
    found = await job(central, older, "superseded")
    await reported(central, found["job_id"], [*VERIFIED, "InstallScheduled"])
    await report(station, newer_request, *VERIFIED, "Installing", "Installed")
    found = await job(central, newer, "succeeded")
    await reported(central, found["job_id"], [*VERIFIED, "Installing", "Installed"])
    await job(central, older, "superseded")


async def test_l01_a_newer_update_that_can_not_cancel_the_older_one(
    station: PlayedStation, central: CentralSystem
) -> None:
    """L01.FR.27: Rejected; the older one goes on."""
    older, request_id = await update(central, station)
    await report(station, request_id, *VERIFIED, "Installing")
    newer, _ = await update(central, station, "Rejected")
    await job(central, newer, "refused", result="Rejected")
    await job(central, older, "running")
    await report(station, request_id, "Installed")
    await job(central, older, "succeeded")


async def test_l01_a_status_of_a_request_that_nobody_made(
    station: PlayedStation, central: CentralSystem
) -> None:
    """It is answered, and is of no update."""
    job_id, request_id = await update(central, station)
    await report(station, request_id + 1_000_000, "Downloading", "InstallationFailed")
    await report(station, request_id, "Downloading")
    await job(central, job_id, "running")
    await reported(central, job_id, ["Downloading"])
    await central.nothing_is_parked()


async def test_l01_a_station_without_the_security_extension(
    station: PlayedStation, central: CentralSystem
) -> None:
    response = await central.operator.http.post(
        f"/stations/{central.station_id}/firmware-jobs", json=SIGNED
    )
    await station.refuse(await station.asked(ACTION), "NotImplemented")
    await job(central, response.json()["job_id"], "refused", result="NotImplemented")
