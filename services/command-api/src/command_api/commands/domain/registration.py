"""What a station may be sent before it is accepted (OCPP 1.6, 4.2)."""

from csms_shared.contracts.requests import Problem
from csms_shared.contracts.stations import RegistrationStatus
from csms_shared.ocpp.actions import VERSIONS, commands, find_command

# Of all versions.
NOT_WHILE_PENDING = tuple(
    action
    for version in VERSIONS
    for action, command in commands(version).items()
    if not command.while_pending
)


def refusal_by_registration(
    station_id: str, version: str, action: str, status: RegistrationStatus | str | None
) -> Problem | None:
    """Return why a command must not be sent, None where it may.

    The gateway knows a status that is unknown here.
    """
    if status is RegistrationStatus.REJECTED:
        return Problem(
            status=409, code="station_rejected", detail=f"station {station_id} is rejected"
        )
    command = find_command(version, action)
    waits = command is not None and not command.while_pending
    if status is RegistrationStatus.PENDING and waits:
        return Problem(
            status=409,
            code="station_pending",
            detail=f"station {station_id} is pending; {action} needs an accepted station",
        )
    return None
