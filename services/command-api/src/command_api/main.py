"""Entry point: `command-api serve` and `command-api migrate`."""

import structlog
import uvloop

from command_api.http.server import PortTaken
from command_api.process import MIGRATIONS, NoAdministratorPassword, command_api
from command_api.settings import CommandApiSettings
from command_api.store.tables import SCHEMA
from csms_shared.broker.topology import COMMAND_API
from csms_shared.db.migrate import migrate_with
from csms_shared.observability.logs import configure_logs
from csms_shared.process import keep_started_objects, stop_on_signals
from csms_shared.settings import (
    MigrationSettings,
    SettingsProblem,
    exit_with,
    load_settings,
    parse_command,
)

log = structlog.get_logger(__name__)


def main() -> None:
    """Run the sub-command named on the command line."""
    command = parse_command(
        COMMAND_API, ("serve", "migrate"), (CommandApiSettings, MigrationSettings)
    )
    try:
        if command == "migrate":
            migration = load_settings(MigrationSettings)
            uvloop.run(migrate_with(migration, SCHEMA, MIGRATIONS))
            return
        settings = load_settings(CommandApiSettings)
    except SettingsProblem as problem:
        exit_with(str(problem), 2)
    configure_logs(COMMAND_API, settings.log_format, settings.log_level)
    try:
        uvloop.run(serve(settings))
    except* (NoAdministratorPassword, PortTaken) as problems:
        exit_with(str(problems.exceptions[0]), 2)


async def serve(settings: CommandApiSettings) -> None:
    """Serve until SIGTERM or SIGINT; a task that fails ends the process."""
    stop = stop_on_signals()
    async with command_api(settings) as service:
        keep_started_objects()
        log.info("started")
        await service.run(stop)
    log.info("stopped")
