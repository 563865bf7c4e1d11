"""Entry point: `billing-service serve`, `migrate` and `after-restore`."""

from pathlib import Path

from billing_service.database import MIGRATIONS, SCHEMA
from billing_service.process import billing_service
from billing_service.settings import Settings
from csms_shared.broker.topology import BILLING_SERVICE
from csms_shared.service.command_line import run_command
from csms_shared.service.owning_service import serve

AFTER_RESTORE = Path(__file__).with_name("after_restore.sql")


def main() -> None:
    """Run the sub-command named on the command line."""
    run_command(
        BILLING_SERVICE,
        Settings,
        SCHEMA,
        MIGRATIONS,
        lambda settings: serve(BILLING_SERVICE, settings, billing_service),
        AFTER_RESTORE,
    )
