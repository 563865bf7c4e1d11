"""What a station may be sent before it is accepted (OCPP 1.6, 4.2)."""

from csms_shared.contracts.requests import Problem
from csms_shared.contracts.stations import RegistrationStatus

# A pending station may be configured and queried, but not made to charge.
NOT_WHILE_PENDING = ("RemoteStartTransaction", "RemoteStopTransaction")


def refusal_by_registration(
    station_id: str, action: str, status: RegistrationStatus | str | None
) -> Problem | None:
    """Return why a command must not be sent, None where it may.

    The gateway knows a status that is unknown here.
    """
    if status is RegistrationStatus.REJECTED:
        return Problem(
            status=409, code="station_rejected", detail=f"station {station_id} is rejected"
        )
    if status is RegistrationStatus.PENDING and action in NOT_WHILE_PENDING:
        return Problem(
            status=409,
            code="station_pending",
            detail=f"station {station_id} is pending; {action} needs an accepted station",
        )
    return None
