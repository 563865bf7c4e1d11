"""Where a job stands, from what is known of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from csms_shared.contracts.jobs import JobStatus
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.values.times import LATEST
from station_registry.jobs.domain.jobs import (
    CommandEnd,
    JobFacts,
    JobState,
    job_state,
)
from station_registry.ocpp.orders.jobs import JobRequest, job_request
from station_registry.ocpp.v16.jobs import ended_start

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=1)


def facts(
    end: CommandEnd | None = CommandEnd.ACCEPTED, reported: str | None = None, **more: Any
) -> JobFacts:
    known: dict[str, Any] = {
        "command_reason": None,
        "superseded": False,
        "timed_out_at": None,
        "timeout": TIMEOUT,
        "reported_at": None if reported is None else AT,
    }
    return JobFacts(command_end=end, reported_status=reported, **(known | more))


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (facts(None), JobStatus.ORDERED),
        (facts(CommandEnd.UNKNOWN), JobStatus.ORDERED),
        (facts(), JobStatus.STARTED),
        (facts(None, "Downloading"), JobStatus.RUNNING),
        (facts(reported="InstallScheduled"), JobStatus.RUNNING),
        (facts(reported="Installed"), JobStatus.SUCCEEDED),
        (facts(reported="Uploaded"), JobStatus.SUCCEEDED),
        (facts(CommandEnd.UNKNOWN, "Uploaded"), JobStatus.SUCCEEDED),
        (facts(reported="Installed", superseded=True), JobStatus.SUCCEEDED),
        (facts(superseded=True), JobStatus.SUPERSEDED),
        (facts(reported="Downloading", superseded=True), JobStatus.SUPERSEDED),
        (facts(timed_out_at=AT), JobStatus.TIMED_OUT),
        (
            facts(reported="Downloading", timed_out_at=AT + TIMEOUT + timedelta(seconds=1)),
            JobStatus.TIMED_OUT,
        ),
        (facts(reported="Downloading", timed_out_at=AT + TIMEOUT), JobStatus.RUNNING),
        (
            facts(reported="Downloading", timed_out_at=AT - timedelta(seconds=1)),
            JobStatus.RUNNING,
        ),
        (facts(reported="Installed", timed_out_at=AT), JobStatus.SUCCEEDED),
    ],
)
def test_a_job_stands_where_its_newest_facts_say(known: JobFacts, status: JobStatus) -> None:
    assert job_state(known).status is status


@pytest.mark.parametrize(
    "status",
    [
        "DownloadFailed",
        "InstallationFailed",
        "InstallVerificationFailed",
        "InvalidSignature",
        "UploadFailed",
        "UploadFailure",
        "BadMessage",
        "PermissionDenied",
        "NotSupportedOperation",
    ],
)
def test_every_failure_of_the_specification_is_a_failed_job(status: str) -> None:
    assert job_state(facts(reported=status)) == JobState(JobStatus.FAILED, status)


def test_a_station_without_a_file_is_told_from_one_that_fell_silent() -> None:
    assert job_state(facts(timed_out_at=AT, no_file=True)).result == "NoFile"
    assert job_state(facts(timed_out_at=AT)).result == "nothing final in time"


def ended(action: str, status: str = "completed", **fields: Any) -> CompletedCommand:
    return CompletedCommand.model_validate(
        {
            "command_id": UUID(int=1),
            "station_id": "S1",
            "action": action,
            "payload": {},
            "status": status,
            "created_by": "admin",
            "created_at": "2026-11-21T11:59:00.000Z",
            "sent_at": "2026-11-21T12:00:00.000Z",
            "completed_at": "2026-11-21T12:00:01.000Z",
            "deadline": "2026-11-21T12:01:00.000Z",
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("command", "end", "reason"),
    [
        (ended("UpdateFirmware", accepted=True, response={}), CommandEnd.ACCEPTED, None),
        (
            ended("GetLog", accepted=True, response={"status": "AcceptedCanceled"}),
            CommandEnd.ACCEPTED,
            None,
        ),
        (
            ended(
                "SignedUpdateFirmware", accepted=False, response={"status": "RevokedCertificate"}
            ),
            CommandEnd.REFUSED,
            "RevokedCertificate",
        ),
        (
            ended("UpdateFirmware", "error", error={"code": "NotSupported"}),
            CommandEnd.REFUSED,
            "NotSupported",
        ),
        (
            ended("GetLog", "error", sent_at=None, error={"code": "UNKNOWN_STATION"}),
            CommandEnd.NOT_SENT,
            "UNKNOWN_STATION",
        ),
        (ended("GetLog", "expired", sent_at=None), CommandEnd.NOT_SENT, "expired"),
        (ended("GetLog", "station_offline", sent_at=None), CommandEnd.NOT_SENT, "station_offline"),
        (ended("GetLog", "outcome_unknown"), CommandEnd.UNKNOWN, None),
    ],
)
def test_every_end_of_the_command_means_something_for_its_job(
    command: CompletedCommand, end: CommandEnd, reason: str | None
) -> None:
    read = ended_start(command)
    assert (read.end, read.reason) == (end, reason)


def test_an_answer_without_a_file_name_leaves_a_station_five_minutes_to_upload() -> None:
    none = ended_start(ended("GetDiagnostics", accepted=True, response={}))
    assert (none.no_file, none.due) == (True, timedelta(minutes=5))
    named = ended_start(ended("GetDiagnostics", accepted=True, response={"fileName": "d.zip"}))
    assert (named.no_file, named.due, named.file_name) == (False, None, "d.zip")


def test_a_file_name_that_is_no_text_is_none() -> None:
    end = ended("GetDiagnostics", accepted=True, response={"filename": [1]})
    assert ended_start(end).file_name is None


def requested(action: str, payload: dict[str, Any]) -> JobRequest:
    request = job_request(action, payload)
    assert request is not None
    return request


def test_a_job_begins_no_earlier_than_its_request_allows() -> None:
    signed = {
        "firmware": {
            "location": "https://firmware.example/1",
            "retrieveDateTime": "2026-11-21T12:00:00Z",
            "installDateTime": "2026-11-22T03:00:00Z",
        }
    }
    assert requested("SignedUpdateFirmware", signed).location == "https://firmware.example/1"
    starts = requested("SignedUpdateFirmware", signed).not_before
    assert starts == datetime(2026, 11, 22, 3, tzinfo=UTC)
    plain = {"location": "ftp://f.example/1", "retrieveDate": "2026-11-21T12:00:00Z"}
    assert requested("UpdateFirmware", plain).not_before == AT
    assert requested("GetLog", {"log": {"remoteLocation": "x"}}).not_before is None


def test_a_date_beyond_all_time_outs_is_never() -> None:
    late = {"location": "ftp://f.example/1", "retrieveDate": "9999-12-31T23:59:59Z"}
    starts = requested("UpdateFirmware", late).not_before
    assert starts is not None
    assert starts + timedelta(days=400) > LATEST
