"""Entry point: `session-service serve` and `session-service migrate`."""

from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.service.command_line import run_command
from csms_shared.service.owning_service import serve
from session_service.process import MIGRATIONS, session_service
from session_service.settings import Settings
from session_service.store.metadata import SCHEMA


def main() -> None:
    """Run the sub-command named on the command line."""
    run_command(
        SESSION_SERVICE,
        Settings,
        SCHEMA,
        MIGRATIONS,
        lambda settings: serve(SESSION_SERVICE, settings, session_service),
    )
