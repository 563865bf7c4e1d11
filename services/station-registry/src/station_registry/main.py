"""Entry point: `station-registry serve` and `station-registry migrate`."""

import asyncio
import signal

import structlog
import uvloop

from csms_shared.broker.topology import STATION_REGISTRY
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
            uvloop.run(_migrate(load_settings(MigrationSettings)))
            return
        settings = load_settings(RegistrySettings)
    except SettingsProblem as problem:
        exit_with(str(problem), 2)
    configure_logs(STATION_REGISTRY, settings.log_format, settings.log_level)
    uvloop.run(serve(settings))


async def _migrate(settings: MigrationSettings) -> None:
    await migrate(
        settings.migration_database_url.get_secret_value(),
        settings.database_url.get_secret_value(),
        SCHEMA,
        MIGRATIONS,
    )


async def serve(settings: RegistrySettings) -> None:
    """Serve until SIGTERM or SIGINT; a task that fails ends the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with station_registry(settings) as service, asyncio.TaskGroup() as group:
        probes = ProbeServer(settings.bind, settings.probe_port, service.missing)
        group.create_task(probes.run())
        log.info("started")
        try:
            await service.run(stop)
        finally:
            probes.stop()
    log.info("stopped")
