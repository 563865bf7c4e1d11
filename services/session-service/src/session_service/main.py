"""Entry point: `session-service serve` and `session-service migrate`."""

import asyncio

import structlog
import uvloop

from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.db.migrate import migrate_with
from csms_shared.observability.logs import configure_logs
from csms_shared.observability.probes import ProbeServer
from csms_shared.process import keep_started_objects, stop_on_signals
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
            migration = load_settings(MigrationSettings)
            uvloop.run(migrate_with(migration, SCHEMA, MIGRATIONS))
            return
        settings = load_settings(Settings)
    except SettingsProblem as problem:
        exit_with(str(problem), 2)
    configure_logs(SESSION_SERVICE, settings.log_format, settings.log_level)
    uvloop.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; a task that fails ends the process."""
    stop = stop_on_signals()
    async with session_service(settings) as service, asyncio.TaskGroup() as group:
        probes = ProbeServer(settings.bind, settings.probe_port, service.missing)
        group.create_task(probes.run())
        keep_started_objects()
        log.info("started")
        try:
            await service.run(stop)
        finally:
            probes.stop()
    log.info("stopped")
