"""Entry point: `integration-service serve`, `migrate` and `after-restore`."""

from pathlib import Path

from csms_shared.broker.topology import INTEGRATION_SERVICE
from csms_shared.service.command_line import run_command
from csms_shared.service.owning_service import serve
from integration_service.database import MIGRATIONS, SCHEMA
from integration_service.process import integration_service
from integration_service.settings import Settings

AFTER_RESTORE = Path(__file__).with_name("after_restore.sql")


def main() -> None:
    """Run the sub-command named on the command line."""
    run_command(
        INTEGRATION_SERVICE,
        Settings,
        SCHEMA,
        MIGRATIONS,
        lambda settings: serve(INTEGRATION_SERVICE, settings, integration_service),
        AFTER_RESTORE,
    )
