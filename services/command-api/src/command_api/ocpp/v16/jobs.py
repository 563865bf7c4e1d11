"""Jobs as stations get them: UpdateFirmware, GetDiagnostics, and the security whitepaper's."""

from datetime import datetime
from typing import Any

from command_api.jobs.domain import Firmware, Upload
from csms_shared.contracts.refusals import refuse
from csms_shared.ocpp.actions import commands
from csms_shared.ocpp.schemas import request_problems
from csms_shared.ocpp.versions import OCPP16
from csms_shared.values.times import format_time

# Where the whitepaper's requests hold an address.
_ADDRESSES = {
    "GetLog": ("log", "remoteLocation"),
    "SignedUpdateFirmware": ("firmware", "location"),
}
# Fields of requests that are called otherwise in jobs.
_FIELDS = {"remoteLocation": "location", "signingCertificate": "signing_certificate"}


def job_request(job: Firmware | Upload) -> tuple[str, dict[str, Any]]:
    """Return action and payload of a job, `requestId` left out.

    Raises:
        ProblemRaised: the payload is not valid.
    """
    action, payload = _firmware(job) if isinstance(job, Firmware) else _upload(job)
    payload |= _given(retries=job.retries, retryInterval=job.retry_interval)
    _check(action, payload)
    return action, payload


def _firmware(job: Firmware) -> tuple[str, dict[str, Any]]:
    retrieve_at = format_time(job.retrieve_at)
    if job.signature is None:
        return "UpdateFirmware", {"location": job.location, "retrieveDate": retrieve_at}
    firmware = _given(
        location=job.location,
        retrieveDateTime=retrieve_at,
        installDateTime=_text(job.install_at),
        signingCertificate=job.signing_certificate,
        signature=job.signature,
    )
    return "SignedUpdateFirmware", {"firmware": firmware}


def _upload(job: Upload) -> tuple[str, dict[str, Any]]:
    begin, end = _text(job.begin), _text(job.end)
    if job.log_type is None:
        return "GetDiagnostics", _given(location=job.location, startTime=begin, stopTime=end)
    log = _given(remoteLocation=job.location, oldestTimestamp=begin, latestTimestamp=end)
    return "GetLog", {"logType": job.log_type, "log": log}


def _check(action: str, payload: dict[str, Any]) -> None:
    # The registry gives the request id.
    numbered = {**payload, "requestId": 1} if commands(OCPP16)[action].numbered else payload
    problems = request_problems(OCPP16, action, numbered)
    if action in _ADDRESSES:
        # Its schema does not say what an address is; the one of diagnostics does.
        holder, name = _ADDRESSES[action]
        place = {"location": payload[holder][name]}
        problems = [*problems, *request_problems(OCPP16, "GetDiagnostics", place)]
    if problems:
        raise refuse(
            422,
            "payload_invalid",
            f"this makes no valid {action} request",
            *((_field_of(problem.pointer), problem.description) for problem in problems),
        )


def _field_of(pointer: str) -> str:
    name = pointer.rpartition("/")[2]
    return _FIELDS.get(name, name)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
