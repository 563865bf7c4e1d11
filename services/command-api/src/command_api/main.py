"""Entry point: `command-api serve`, `migrate` and `after-restore`."""

from pathlib import Path

import structlog

from command_api.database import MIGRATIONS, SCHEMA
from command_api.process import command_api
from command_api.settings import CommandApiSettings
from csms_shared.broker.topology import COMMAND_API
from csms_shared.service.command_line import run_command
from csms_shared.service.ending import SERVICE_ENDS_WITHIN_S
from csms_shared.service.process import keep_started_objects, stop_on_signals

log = structlog.get_logger(__name__)

AFTER_RESTORE = Path(__file__).with_name("after_restore.sql")


def main() -> None:
    """Run the sub-command named on the command line."""
    run_command(COMMAND_API, CommandApiSettings, SCHEMA, MIGRATIONS, serve, AFTER_RESTORE)


async def serve(settings: CommandApiSettings) -> None:
    """Serve until SIGTERM or SIGINT; a task that fails ends the process."""
    stop = stop_on_signals(SERVICE_ENDS_WITHIN_S)
    async with command_api(settings) as service:
        keep_started_objects()
        log.info("started")
        await service.run(stop)
    log.info("stopped")
