"""GetDiagnostics and DiagnosticsStatusNotification (OCPP 1.6, 5.9 and 4.4)."""

from datetime import datetime, timedelta

import httpx
import pytest

from tests.conformance.central_system import CentralSystem
from tests.conformance.followed_jobs import job, ordered, reported
from tests.conformance.played_station import PlayedStation

FTP = {"location": "ftp://files.example/in"}
FILE = {"fileName": "diagnostics.zip"}


async def report(station: PlayedStation, *statuses: str) -> None:
    """Send statuses; the answer of each is empty."""
    for status in statuses:
        assert await station.call("DiagnosticsStatusNotification", {"status": status}) == {}


async def test_get_diagnostics(station: PlayedStation, central: CentralSystem) -> None:
    """The file comes to the suite itself, and can be downloaded from it."""
    job_id, asked = await ordered(
        central,
        station,
        "diagnostics",
        {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"},
        "GetDiagnostics",
        FILE,
    )
    assert asked.payload["startTime"] == "2026-11-20T00:00:00.000Z"
    assert asked.payload["stopTime"] == "2026-11-21T00:00:00.000Z"
    await report(station, "Uploading")
    async with httpx.AsyncClient(trust_env=False) as http:
        upload = await http.put(asked.payload["location"] + FILE["fileName"], content=b"zip")
    assert upload.status_code == 201, upload.text
    await report(station, "Uploaded")
    found = await job(central, job_id, "succeeded", result="Uploaded", file_name="diagnostics.zip")
    await reported(central, found["job_id"], ["Uploading", "Uploaded"])
    (file,) = found["uploads"]
    kept = await central.operator.http.get(f"/jobs/{job_id}/uploads/{file['upload_id']}")
    assert kept.content == b"zip"


async def test_get_diagnostics_fails(station: PlayedStation, central: CentralSystem) -> None:
    job_id, _ = await ordered(central, station, "diagnostics", FTP, "GetDiagnostics", FILE)
    await report(station, "Uploading", "UploadFailed")
    found = await job(central, job_id, "failed", result="UploadFailed")
    await reported(central, found["job_id"], ["Uploading", "UploadFailed"])
    assert found["uploads"] == []


@pytest.mark.parametrize("answer", [{}, {"fileName": ""}], ids=["no name", "an empty name"])
async def test_get_diagnostics_of_a_station_that_has_none(
    station: PlayedStation, central: CentralSystem, answer: dict[str, str]
) -> None:
    """OCPP 1.6, 5.9: no file name, no file. What it sends within five minutes counts all the same.

    That the job ends as `NoFile` after them is a test of the registry's own.
    """
    job_id, _ = await ordered(central, station, "diagnostics", FTP, "GetDiagnostics", answer)
    found = await job(central, job_id, "started", file_name=None)
    sent, deadline = (datetime.fromisoformat(found[name]) for name in ("sent_at", "deadline"))
    assert deadline - sent == timedelta(minutes=5)
    await report(station, "Uploading", "Uploaded")
    await job(central, job_id, "succeeded", result="Uploaded")


async def test_get_diagnostics_asked_for_twice(
    station: PlayedStation, central: CentralSystem
) -> None:
    """Plain reports name no request: they are of the newer one, which stands in for the older."""
    older, _ = await ordered(central, station, "diagnostics", FTP, "GetDiagnostics", FILE)
    await report(station, "Uploading")
    await job(central, older, "running")
    newer, _ = await ordered(central, station, "diagnostics", FTP, "GetDiagnostics", FILE)
    await job(central, older, "superseded")
    await report(station, "Uploading", "Uploaded")
    await job(central, newer, "succeeded")
    await reported(central, newer, ["Uploading", "Uploaded"])
    await job(central, older, "superseded")
    await reported(central, older, ["Uploading"])


async def test_diagnostics_status_asked_for(station: PlayedStation, central: CentralSystem) -> None:
    """OCPP 1.6, 4.4: Idle, because nothing is uploaded."""
    trigger = {"requestedMessage": "DiagnosticsStatusNotification"}
    await central.command(station, "TriggerMessage", trigger, {"status": "Accepted"})
    await report(station, "Idle")
    assert await central.operator.items("/jobs", station_id=central.station_id) == []
    await central.nothing_is_parked()
