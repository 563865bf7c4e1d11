"""Entry point: `session-service serve`, `migrate` and `after-restore`."""

from pathlib import Path

from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.service.command_line import run_command
from csms_shared.service.owning_service import serve
from session_service.database import MIGRATIONS, SCHEMA
from session_service.process import session_service
from session_service.settings import Settings

AFTER_RESTORE = Path(__file__).with_name("after_restore.sql")


def main() -> None:
    """Run the sub-command named on the command line."""
    run_command(
        SESSION_SERVICE,
        Settings,
        SCHEMA,
        MIGRATIONS,
        lambda settings: serve(SESSION_SERVICE, settings, session_service),
        AFTER_RESTORE,
    )
