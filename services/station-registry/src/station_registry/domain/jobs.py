"""Firmware, diagnostics and log jobs: what a job's status follows from.

OCPP 1.6, 4.4, 4.5, 5.9, 5.19; security whitepaper, L01 and N01. A job's status is a function of
its command's end, the newest report attached to it, a newer job and the clock, so that the order
in which these become known does not matter. Plain 1.6 reports carry no request id: they belong to
the newest job of their kind that the station has got.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from csms_shared.contracts.jobs import JobKind, JobStatus
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.ocpp import v16
from csms_shared.ocpp.actions import commands
from csms_shared.ocpp.versions import OCPP16
from csms_shared.values.times import LATEST, parse_bound, read_moment

IDLE = "Idle"
DEFAULT_TIMEOUT: Mapping[JobKind, timedelta] = {
    JobKind.FIRMWARE: timedelta(hours=6),
    JobKind.DIAGNOSTICS: timedelta(hours=1),
    JobKind.LOG: timedelta(hours=1),
}
# 1.6, 5.9: an answer without a file name means that there is no file. Some firmware leaves the
# name out and uploads all the same, so it is given this long to say so.
NO_FILE_TIMEOUT = timedelta(minutes=5)
KIND_OF_COMMAND: Mapping[str, JobKind] = {
    v16.UPDATE_FIRMWARE: JobKind.FIRMWARE,
    v16.SIGNED_UPDATE_FIRMWARE: JobKind.FIRMWARE,
    v16.GET_DIAGNOSTICS: JobKind.DIAGNOSTICS,
    v16.GET_LOG: JobKind.LOG,
}
KIND_OF_REPORT: Mapping[str, JobKind] = {
    v16.FIRMWARE_STATUS_NOTIFICATION: JobKind.FIRMWARE,
    v16.SIGNED_FIRMWARE_STATUS_NOTIFICATION: JobKind.FIRMWARE,
    v16.DIAGNOSTICS_STATUS_NOTIFICATION: JobKind.DIAGNOSTICS,
    v16.LOG_STATUS_NOTIFICATION: JobKind.LOG,
}
WITH_REQUEST_ID = tuple(name for name, row in commands(OCPP16).items() if row.numbered)
_SUCCESS = frozenset({"Installed", "Uploaded"})
_FAILURE = frozenset(
    {
        "DownloadFailed",
        "InstallationFailed",
        "InstallVerificationFailed",
        "InvalidSignature",
        "UploadFailed",
        "UploadFailure",
        "BadMessage",
        "PermissionDenied",
        "NotSupportedOperation",
    }
)


class CommandEnd(StrEnum):
    """How the command ended that starts a job."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What is known of a job. `reported_*` is the newest report that is not Idle.

    `timeout` runs anew from each report; `timed_out_at` is when time had run out, as far as was
    known then.
    """

    command_end: CommandEnd | None
    command_reason: str | None
    reported_status: str | None
    reported_at: datetime | None
    superseded: bool
    timed_out_at: datetime | None
    timeout: timedelta
    no_file: bool = False


@dataclass(frozen=True, slots=True)
class JobState:
    """Status of a job, and in a word why it is that."""

    status: JobStatus
    result: str | None = None


def job_state(facts: JobFacts) -> JobState:
    """Return where a job stands."""
    reported = facts.reported_status
    if reported in _SUCCESS:
        return JobState(JobStatus.SUCCEEDED, reported)
    if facts.command_end in (CommandEnd.REFUSED, CommandEnd.NOT_SENT) and reported is None:
        return JobState(JobStatus(facts.command_end.value), facts.command_reason)
    if reported in _FAILURE:
        return JobState(JobStatus.FAILED, reported)
    if facts.superseded:
        return JobState(JobStatus.SUPERSEDED, "a newer job of this kind")
    if facts.timed_out_at is not None and not _had_time(facts, facts.timed_out_at):
        unheard = facts.no_file and reported is None
        return JobState(JobStatus.TIMED_OUT, "NoFile" if unheard else "nothing final in time")
    if reported is not None:
        return JobState(JobStatus.RUNNING)
    if facts.command_end is CommandEnd.ACCEPTED:
        return JobState(JobStatus.STARTED)
    return JobState(JobStatus.ORDERED)


def _had_time(facts: JobFacts, moment: datetime) -> bool:
    """Tell whether a report had given the job more time, though it may be stored later."""
    return facts.reported_at is not None and moment - facts.reported_at <= facts.timeout


@dataclass(frozen=True, slots=True)
class EndedStart:
    """What the end of its command says about a job."""

    end: CommandEnd
    reason: str | None
    file_name: str | None
    sent_at: datetime | None
    due: timedelta | None
    no_file: bool


def ended_start(command: CompletedCommand) -> EndedStart:
    """Read the end of a command that starts a job; `due` replaces the job's own time-out."""
    response = command.response or {}
    end, reason = CommandEnd.UNKNOWN, None
    match command.status:
        case "completed" if command.accepted:
            end = CommandEnd.ACCEPTED
        case "completed":
            end, reason = CommandEnd.REFUSED, str(response.get("status"))
        case "error":
            sent = command.sent_at is not None
            end = CommandEnd.REFUSED if sent else CommandEnd.NOT_SENT
            reason = command.error.code if command.error else None
        case "expired" | "station_offline":
            end, reason = CommandEnd.NOT_SENT, command.status
        case "outcome_unknown":
            pass
    # The one name is GetDiagnostics', the other GetLog's; stations take either.
    named = response.get("fileName") or response.get("filename")
    file_name = named if isinstance(named, str) else None
    no_file = (
        command.action == v16.GET_DIAGNOSTICS and end is CommandEnd.ACCEPTED and file_name is None
    )
    return EndedStart(
        end,
        reason,
        file_name,
        None if command.sent_at is None else read_moment(command.sent_at),
        NO_FILE_TIMEOUT if no_file else None,
        no_file,
    )


def location_of(action: str, payload: Mapping[str, Any]) -> str:
    """Return where a job's file comes from or goes to."""
    match action:
        case v16.SIGNED_UPDATE_FIRMWARE:
            return str(payload["firmware"]["location"])
        case v16.GET_LOG:
            return str(payload["log"]["remoteLocation"])
        case _:
            return str(payload["location"])


def earliest_start(action: str, payload: Mapping[str, Any]) -> datetime | None:
    """Return when a station may begin at the earliest, as far as the request says so."""
    firmware = payload.get("firmware", {}) if action == v16.SIGNED_UPDATE_FIRMWARE else payload
    moments = [
        moment
        for name in ("retrieveDate", "retrieveDateTime", "installDateTime")
        if (moment := parse_bound(str(firmware.get(name, "")))) is not None
    ]
    # A date beyond is as good as never, and time-outs have to be added to it.
    return min(max(moments), LATEST) if moments else None
