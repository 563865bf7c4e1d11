"""Entry point: `session-service serve` and `session-service migrate`."""

import asyncio
import signal

import structlog
import uvloop

from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.db.migrate import migrate
from csms_shared.observability.logs import configure_logs
from csms_shared.observability.probes import ProbeServer
from csms_shared.settings import (
    MigrationSettings,
    SettingsProblem,
    exit_with,
    load_settings,
    parse_command,
)
from session_service.amqp.process import MIGRATIONS, session_service
from session_service.settings import Settings
from session_service.store.tables import SCHEMA

log = structlog.get_logger(__name__)


def main() -> None:
    """Run the sub-command named on the command line."""
    command = parse_command(SESSION_SERVICE, ("serve", "migrate"), (Settings, MigrationSettings))
    try:
        if command == "migrate":
            uvloop.run(_migrate(load_settings(MigrationSettings)))
            return
        settings = load_settings(Settings)
    except SettingsProblem as problem:
        exit_with(str(problem), 2)
    configure_logs(SESSION_SERVICE, settings.log_format, settings.log_level)
    uvloop.run(serve(settings))


async def _migrate(settings: MigrationSettings) -> None:
    await migrate(
        settings.migration_database_url.get_secret_value(),
        settings.database_url.get_secret_value(),
        SCHEMA,
        MIGRATIONS,
    )


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; a task that fails ends the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with session_service(settings) as service, asyncio.TaskGroup() as group:
        probes = ProbeServer(settings.bind, settings.probe_port, service.missing)
        group.create_task(probes.run())
        log.info("started")
        try:
            await service.run(stop)
        finally:
            probes.stop()
    log.info("stopped")
