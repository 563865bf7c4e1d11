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
from uuid import UUID

from csms_shared.contracts.jobs import JobKind, JobStatus

IDLE = "Idle"
DEFAULT_TIMEOUT: Mapping[JobKind, timedelta] = {
    JobKind.FIRMWARE: timedelta(hours=6),
    JobKind.DIAGNOSTICS: timedelta(hours=1),
    JobKind.LOG: timedelta(hours=1),
}
# 1.6, 5.9: an answer without a file name means that there is no file. Some firmware leaves the
# name out and uploads all the same, so it is given this long to say so.
NO_FILE_TIMEOUT = timedelta(minutes=5)
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
    known then. `cancelled`: nothing that is heard later counts.
    """

    command_end: CommandEnd | None
    command_reason: str | None
    reported_status: str | None
    reported_at: datetime | None
    superseded: bool
    timed_out_at: datetime | None
    timeout: timedelta
    no_file: bool = False
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class JobState:
    """Status of a job, and in a word why it is that."""

    status: JobStatus
    result: str | None = None


def job_state(facts: JobFacts) -> JobState:
    """Return where a job stands."""
    if facts.cancelled:
        return JobState(JobStatus.CANCELLED, "the station was moved")
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
class ReportedStatus:
    """What a station says of a job; `request_id` is the number of its request, where it has one."""

    kind: JobKind
    request_id: int | None
    status: str


@dataclass(frozen=True, slots=True)
class EndedStart:
    """What the end of its command says about a job; `due` replaces the job's own time-out."""

    end: CommandEnd
    reason: str | None
    file_name: str | None
    sent_at: datetime | None
    due: timedelta | None
    no_file: bool


@dataclass(frozen=True, slots=True)
class JobCommand:
    """A command that started a job, and how it ended; an operator's own makes the job."""

    command_id: UUID
    station_id: str
    action: str
    kind: JobKind
    request_id: int | None
    location: str
    not_before: datetime | None
    created_by: str
    created_at: datetime
    end: EndedStart
