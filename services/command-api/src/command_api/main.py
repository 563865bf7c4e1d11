"""Entry point: `command-api serve` and `command-api migrate`."""

import asyncio
import gc
import signal

import structlog
import uvloop

from command_api.http.server import PortTaken
from command_api.process import MIGRATIONS, NoAdministratorPassword, command_api
from command_api.settings import CommandApiSettings
from command_api.store.tables import SCHEMA
from csms_shared.broker.topology import COMMAND_API
from csms_shared.db.migrate import migrate
from csms_shared.observability.logs import configure_logs
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
            uvloop.run(_migrate(load_settings(MigrationSettings)))
            return
        settings = load_settings(CommandApiSettings)
    except SettingsProblem as problem:
        exit_with(str(problem), 2)
    configure_logs(COMMAND_API, settings.log_format, settings.log_level)
    try:
        uvloop.run(serve(settings))
    except* (NoAdministratorPassword, PortTaken) as problems:
        exit_with(str(problems.exceptions[0]), 2)


async def _migrate(settings: MigrationSettings) -> None:
    await migrate(
        settings.migration_database_url.get_secret_value(),
        settings.database_url.get_secret_value(),
        SCHEMA,
        MIGRATIONS,
    )


async def serve(settings: CommandApiSettings) -> None:
    """Serve until SIGTERM or SIGINT; a task that fails ends the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with command_api(settings) as service:
        # Modules and routes live as long as the process: searching them for garbage again and
        # again would stop everything for 0.1 s each time.
        gc.collect()
        gc.freeze()
        log.info("started")
        await service.run(stop)
    log.info("stopped")
