"""Which handler follows up which command's end (`command.completed`)."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.completed_commands import CompletedHandler, apply_completed
from csms_shared.inbox import Reply, Work
from station_registry.handlers.certificate_commands import (
    note_installed_certificates,
    note_signed_certificates,
)
from station_registry.handlers.configuration import note_changes, note_read
from station_registry.handlers.jobs import note_job_commands

# In the order in which their locks are taken.
completed_command_handlers: dict[str, CompletedHandler] = {
    "GetDiagnostics": note_job_commands,
    "GetLog": note_job_commands,
    "SignedUpdateFirmware": note_job_commands,
    "UpdateFirmware": note_job_commands,
    "CertificateSigned": note_signed_certificates,
    "InstallCertificate": note_installed_certificates,
    "DeleteCertificate": note_installed_certificates,
    "GetInstalledCertificateIds": note_installed_certificates,
    "GetConfiguration": note_read,
    "ChangeConfiguration": note_changes,
}


async def note_completed_commands(
    connection: AsyncConnection, works: Sequence[Work]
) -> list[Reply]:
    """Take in ends of commands, whoever wanted them; those of other actions change nothing."""
    await apply_completed(connection, works, completed_command_handlers)
    return []
