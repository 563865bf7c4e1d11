"""Entry point: `station-registry serve` and `station-registry migrate`."""

import asyncio

import structlog
import uvloop

from csms_shared.broker.topology import STATION_REGISTRY
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
from station_registry.amqp.process import station_registry
from station_registry.settings import RegistrySettings
from station_registry.store import MIGRATIONS, SCHEMA

log = structlog.get_logger(__name__)


def main() -> None:
    """Run the sub-command named on the command line."""
    command = parse_command(
        STATION_REGISTRY, ("serve", "migrate"), (RegistrySettings, MigrationSettings)
    )
    try:
        if command == "migrate":
            migration = load_settings(MigrationSettings)
            uvloop.run(migrate_with(migration, SCHEMA, MIGRATIONS))
            return
        settings = load_settings(RegistrySettings)
    except SettingsProblem as problem:
        exit_with(str(problem), 2)
    configure_logs(STATION_REGISTRY, settings.log_format, settings.log_level)
    uvloop.run(serve(settings))


async def serve(settings: RegistrySettings) -> None:
    """Serve until SIGTERM or SIGINT; a task that fails ends the process."""
    stop = stop_on_signals()
    async with station_registry(settings) as service, asyncio.TaskGroup() as group:
        probes = ProbeServer(settings.bind, settings.probe_port, service.missing)
        group.create_task(probes.run())
        keep_started_objects()
        log.info("started")
        try:
            await service.run(stop)
        finally:
            probes.stop()
    log.info("stopped")
