"""Commands that start jobs (OCPP 1.6, 5.9, 5.19; security whitepaper, L01 and N01)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csms_shared.contracts.jobs import JobKind
from csms_shared.ocpp import v16
from csms_shared.values.times import LATEST, parse_bound

KIND_OF_COMMAND: Mapping[str, JobKind] = {
    v16.GET_DIAGNOSTICS: JobKind.DIAGNOSTICS,
    v16.GET_LOG: JobKind.LOG,
    v16.SIGNED_UPDATE_FIRMWARE: JobKind.FIRMWARE,
    v16.UPDATE_FIRMWARE: JobKind.FIRMWARE,
}
_NUMBERED = (v16.SIGNED_UPDATE_FIRMWARE, v16.GET_LOG)
_DATES = ("retrieveDate", "retrieveDateTime", "installDateTime")


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A command that starts a job, as somebody made it for a version of OCPP.

    `location`: where its file comes from or goes to. `not_before`: when the station may begin at
    the earliest. `is_numbered`: the station's reports name the request by a number.
    """

    kind: JobKind
    location: str
    not_before: datetime | None
    is_numbered: bool


def job_request(action: str, payload: Mapping[str, Any]) -> JobRequest | None:
    """Read a command; None where it starts no job."""
    if action not in KIND_OF_COMMAND:
        return None
    return JobRequest(
        KIND_OF_COMMAND[action],
        location_of(action, payload),
        _earliest_start(action, payload),
        action in _NUMBERED,
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


def numbered(payload: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return the payload with the number of its request."""
    return {**payload, "requestId": number}


def _earliest_start(action: str, payload: Mapping[str, Any]) -> datetime | None:
    firmware = payload.get("firmware", {}) if action == v16.SIGNED_UPDATE_FIRMWARE else payload
    moments = [
        moment
        for name in _DATES
        if (moment := parse_bound(str(firmware.get(name, "")))) is not None
    ]
    # A date beyond is as good as never, and time-outs have to be added to it.
    return min(max(moments), LATEST) if moments else None
