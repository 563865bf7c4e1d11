"""Ends of commands that start jobs, and reports of stations about them.

OCPP 1.6, 4.4, 4.5, 5.9, 5.19; security whitepaper, L01 and N01.
"""

from collections.abc import Mapping
from typing import Any

from csms_shared.contracts.jobs import JobKind
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.ocpp import v16
from csms_shared.values.numbers import as_integer
from csms_shared.values.times import read_moment
from station_registry.jobs.domain.jobs import (
    NO_FILE_TIMEOUT,
    CommandEnd,
    EndedStart,
    JobCommand,
    ReportedStatus,
)
from station_registry.ocpp.orders.jobs import job_request

KIND_OF_REPORT: Mapping[str, JobKind] = {
    v16.FIRMWARE_STATUS_NOTIFICATION: JobKind.FIRMWARE,
    v16.SIGNED_FIRMWARE_STATUS_NOTIFICATION: JobKind.FIRMWARE,
    v16.DIAGNOSTICS_STATUS_NOTIFICATION: JobKind.DIAGNOSTICS,
    v16.LOG_STATUS_NOTIFICATION: JobKind.LOG,
}


def read_report(kind: JobKind, payload: Mapping[str, Any]) -> ReportedStatus:
    """Read a status notification; plain 1.6 ones carry no request id."""
    return ReportedStatus(kind, as_integer(payload.get("requestId")), payload["status"])


def read_job_command(command: CompletedCommand) -> JobCommand:
    """Read a command that starts a job."""
    request = job_request(command.action, command.payload)
    assert request is not None, "the table of followed commands names those that start jobs"
    return JobCommand(
        command.command_id,
        command.station_id,
        command.action,
        request.kind,
        as_integer(command.payload.get("requestId")),
        request.location,
        request.not_before,
        command.created_by,
        read_moment(command.created_at),
        ended_start(command),
    )


def ended_start(command: CompletedCommand) -> EndedStart:
    """Read the end of a command that starts a job."""
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
