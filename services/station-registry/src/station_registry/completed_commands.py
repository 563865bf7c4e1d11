"""Which handler follows up which command's end (`command.completed`)."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.ocpp import v16 as ocpp16
from csms_shared.ocpp.versions import OCPP16
from csms_shared.service.completed_commands import CompletedHandler, apply_completed, following
from csms_shared.service.inbox import Reply, Work
from station_registry.availability.handlers import note_availabilities
from station_registry.certificates.handlers.commands import (
    note_installed_certificates,
    note_signed_certificates,
)
from station_registry.configuration.handlers.commands import note_changes, note_read
from station_registry.credentials.handlers.resets import note_resets
from station_registry.credentials.handlers.security_profiles import note_profile_changes
from station_registry.database.station_locks import lock_stations
from station_registry.jobs.handlers.jobs import note_job_commands
from station_registry.ocpp import v16
from station_registry.ocpp.orders.jobs import KIND_OF_COMMAND
from station_registry.works import stations_of_commands


async def _note_changed_configuration(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Store the values, and which stations are on their way to a higher security profile."""
    # Not everybody's stations are the same: they are locked together, in one order.
    await lock_stations(connection, {command.station_id for command in commands})
    await note_changes(connection, [v16.configuration.read_change(each) for each in commands])
    changes = [v16.credentials.read_profile_change(each) for each in commands]
    await note_profile_changes(connection, [each for each in changes if each is not None])


_note_installed = following(v16.certificates.read_store_answer, note_installed_certificates)

_JOB_COMMANDS = tuple((OCPP16, action) for action in KIND_OF_COMMAND)

# By (version, action), in the order in which their locks are taken; the actions' rows name the
# same. The ends of others change nothing.
COMPLETED_COMMANDS: dict[tuple[str, str], CompletedHandler] = {
    **dict.fromkeys(_JOB_COMMANDS, following(v16.jobs.read_job_command, note_job_commands)),
    (OCPP16, ocpp16.CERTIFICATE_SIGNED): following(
        v16.certificates.read_delivery, note_signed_certificates
    ),
    (OCPP16, ocpp16.INSTALL_CERTIFICATE): _note_installed,
    (OCPP16, ocpp16.DELETE_CERTIFICATE): _note_installed,
    (OCPP16, ocpp16.GET_INSTALLED_CERTIFICATE_IDS): _note_installed,
    (OCPP16, ocpp16.GET_CONFIGURATION): following(v16.configuration.read_values, note_read),
    (OCPP16, ocpp16.CHANGE_CONFIGURATION): _note_changed_configuration,
    (OCPP16, ocpp16.RESET): note_resets,
    (OCPP16, ocpp16.CHANGE_AVAILABILITY): following(
        v16.availability.read_availability, note_availabilities
    ),
}
_COMMANDS_THAT_LOCK = (
    (OCPP16, ocpp16.GET_CONFIGURATION),
    (OCPP16, ocpp16.CHANGE_CONFIGURATION),
    (OCPP16, ocpp16.RESET),
    (OCPP16, ocpp16.CHANGE_AVAILABILITY),
)


def stations_that_commands_lock(works: Sequence[Work]) -> set[str]:
    """Return the stations that `note_completed_commands` locks."""
    return stations_of_commands(works, _COMMANDS_THAT_LOCK)


def stations_of_job_commands(works: Sequence[Work]) -> set[str]:
    """Return whose job locks `note_completed_commands` needs."""
    return stations_of_commands(works, _JOB_COMMANDS)


async def note_completed_commands(
    connection: AsyncConnection, works: Sequence[Work]
) -> list[Reply]:
    """Take in ends of commands, whoever wanted them; those of other actions change nothing."""
    await apply_completed(connection, works, COMPLETED_COMMANDS)
    return []
