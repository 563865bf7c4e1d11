"""Use case N01 of the security whitepaper: a station's logs, in all outcomes."""

import httpx
import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.followed_jobs import job, ordered, reported, told
from tests.conformance.played_station import PlayedStation, connected

LOCATION = "https://files.example/in"


async def get_log(
    central: CentralSystem,
    station: PlayedStation,
    status: str = "Accepted",
    log_type: str = "SecurityLog",
) -> tuple[str, int]:
    """Ask for a log that goes elsewhere; the ids of job and request."""
    job_id, asked = await ordered(
        central,
        station,
        "log",
        {"log_type": log_type, "location": LOCATION, "retries": 1},
        "GetLog",
        {"status": status, "filename": "a.log"},
    )
    request_id = asked.payload["requestId"]
    assert asked.payload == {
        "logType": log_type,
        "requestId": request_id,
        "retries": 1,
        "log": {"remoteLocation": LOCATION},
    }
    return job_id, request_id


async def report(station: PlayedStation, request_id: int | None, *statuses: str) -> None:
    """Send statuses; the answer of each is empty."""
    named = {} if request_id is None else {"requestId": request_id}
    for status in statuses:
        assert await station.call("LogStatusNotification", {"status": status, **named}) == {}


@pytest.mark.parametrize("log_type", ["SecurityLog", "DiagnosticsLog"])
async def test_n01_retrieve_log(
    station: PlayedStation, central: CentralSystem, log_type: str
) -> None:
    """N01.FR.01 to 09; the file comes to the suite itself."""
    job_id, asked = await ordered(
        central,
        station,
        "log",
        {"log_type": log_type, "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"},
        "GetLog",
        {"status": "Accepted", "filename": "a.log"},
    )
    log = asked.payload["log"]
    assert log["oldestTimestamp"] == "2026-11-20T00:00:00.000Z"
    assert log["latestTimestamp"] == "2026-11-21T00:00:00.000Z"
    request_id = asked.payload["requestId"]
    await report(station, request_id, "Uploading")
    async with httpx.AsyncClient(trust_env=False) as http:
        upload = await http.put(log["remoteLocation"] + "a.log", content=log_type.encode())
    assert upload.status_code == 201, upload.text
    await report(station, request_id, "Uploaded")
    found = await job(central, job_id, "succeeded", result="Uploaded", file_name="a.log")
    await reported(central, found["job_id"], ["Uploading", "Uploaded"])
    (file,) = found["uploads"]
    kept = await central.operator.http.get(f"/jobs/{job_id}/uploads/{file['upload_id']}")
    assert kept.content == log_type.encode()


@pytest.mark.parametrize(
    "status", ["UploadFailure", "BadMessage", "PermissionDenied", "NotSupportedOperation"]
)
async def test_n01_retrieve_log_fails(
    station: PlayedStation, central: CentralSystem, status: str
) -> None:
    """N01.FR.10."""
    job_id, request_id = await get_log(central, station)
    await report(station, request_id, "Uploading", status)
    found = await job(central, job_id, "failed", result=status)
    await reported(central, found["job_id"], ["Uploading", status])


async def test_n01_retrieve_log_refused(station: PlayedStation, central: CentralSystem) -> None:
    job_id, _ = await get_log(central, station, "Rejected")
    await job(central, job_id, "refused", result="Rejected")
    await reported(central, job_id, [])


async def test_n01_a_newer_log_cancels_the_older_one(
    station: PlayedStation, central: CentralSystem
) -> None:
    """N01.FR.11: AcceptedCanceled."""
    older, older_request = await get_log(central, station)
    await report(station, older_request, "Uploading")
    await job(central, older, "running")
    newer, newer_request = await get_log(central, station, "AcceptedCanceled", "DiagnosticsLog")
    await job(central, older, "superseded")
    # What it still says of the older one is of that one (N01.FR.07).
    await report(station, older_request, "UploadFailure")
    await report(station, newer_request, "Uploading", "Uploaded")
    await job(central, newer, "succeeded")
    await reported(central, newer, ["Uploading", "Uploaded"])
    found = await job(central, older, "failed", result="UploadFailure")
    await reported(central, found["job_id"], ["Uploading", "UploadFailure"])


async def test_n01_a_status_of_a_request_that_nobody_made(
    station: PlayedStation, central: CentralSystem
) -> None:
    job_id, request_id = await get_log(central, station)
    await report(station, request_id + 1_000_000, "Uploading", "Uploaded")
    await report(station, request_id, "Uploading")
    await job(central, job_id, "running")
    await reported(central, job_id, ["Uploading"])
    await central.nothing_is_parked()


async def test_n01_a_status_asked_for_while_nothing_is_uploaded(
    station: PlayedStation, central: CentralSystem
) -> None:
    """N01.FR.12: then, and only then, it names no request."""
    job_id, request_id = await get_log(central, station)
    await report(station, request_id, "Uploading", "Uploaded")
    trigger = {"requestedMessage": "LogStatusNotification"}
    await central.command(station, "ExtendedTriggerMessage", trigger, {"status": "Accepted"})
    await report(station, None, "Idle")
    assert told(await job(central, job_id, "succeeded"))[:2] == ["Uploading", "Uploaded"]
    await central.nothing_is_parked()


async def test_n01_the_connection_is_lost_while_it_uploads(
    run: RunState, central: CentralSystem
) -> None:
    """The station reports the rest at another gateway."""
    first, second = (gateway.ocpp_url for gateway in run.gateways[:2])
    async with connected(first, central.station_id) as station:
        await station.boot()
        await station.status(1, "Available")
        job_id, request_id = await get_log(central, station)
        await report(station, request_id, "Uploading")
    async with connected(second, central.station_id) as station:
        await report(station, request_id, "Uploaded")
        await job(central, job_id, "succeeded")
        await reported(central, job_id, ["Uploading", "Uploaded"])
