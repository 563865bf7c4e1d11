"""Which handler follows up which command's end (`command.completed`)."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.ocpp import v16
from csms_shared.service.completed_commands import CompletedHandler, apply_completed
from csms_shared.service.inbox import Reply, Work
from station_registry.domain.jobs import KIND_OF_COMMAND
from station_registry.handlers.certificate_commands import (
    note_installed_certificates,
    note_signed_certificates,
)
from station_registry.handlers.configuration import note_changes, note_read
from station_registry.handlers.jobs import note_job_commands
from station_registry.handlers.resets import note_resets
from station_registry.handlers.security_profiles import note_profile_changes
from station_registry.handlers.works import stations_of_commands
from station_registry.store import stations


async def _note_changed_configuration(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Store the values, and which stations are on their way to a higher security profile."""
    # Not everybody's stations are the same: they are locked together, in one order.
    await stations.lock_all(connection, {command.station_id for command in commands})
    await note_changes(connection, commands)
    await note_profile_changes(connection, commands)


# In the order in which their locks are taken; `FOLLOWED_COMMANDS` names the same.
completed_command_handlers: dict[str, CompletedHandler] = {
    v16.GET_DIAGNOSTICS: note_job_commands,
    v16.GET_LOG: note_job_commands,
    v16.SIGNED_UPDATE_FIRMWARE: note_job_commands,
    v16.UPDATE_FIRMWARE: note_job_commands,
    v16.CERTIFICATE_SIGNED: note_signed_certificates,
    v16.INSTALL_CERTIFICATE: note_installed_certificates,
    v16.DELETE_CERTIFICATE: note_installed_certificates,
    v16.GET_INSTALLED_CERTIFICATE_IDS: note_installed_certificates,
    v16.GET_CONFIGURATION: note_read,
    v16.CHANGE_CONFIGURATION: _note_changed_configuration,
    v16.RESET: note_resets,
}


def stations_of_changing_commands(works: Sequence[Work]) -> set[str]:
    """Return the stations that `note_completed_commands` locks."""
    return stations_of_commands(works, {v16.CHANGE_CONFIGURATION, v16.RESET})


def stations_of_job_commands(works: Sequence[Work]) -> set[str]:
    """Return whose job locks `note_completed_commands` needs."""
    return stations_of_commands(works, KIND_OF_COMMAND)


async def note_completed_commands(
    connection: AsyncConnection, works: Sequence[Work]
) -> list[Reply]:
    """Take in ends of commands, whoever wanted them; those of other actions change nothing."""
    await apply_completed(connection, works, completed_command_handlers)
    return []
