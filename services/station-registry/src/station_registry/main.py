"""Entry point: `station-registry serve`, `migrate` and `after-restore`."""

from pathlib import Path

from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.service.command_line import run_command
from csms_shared.service.owning_service import serve
from station_registry.amqp.process import station_registry
from station_registry.settings import RegistrySettings
from station_registry.store import MIGRATIONS, SCHEMA

AFTER_RESTORE = Path(__file__).with_name("after_restore.sql")


def main() -> None:
    """Run the sub-command named on the command line."""
    run_command(
        STATION_REGISTRY,
        RegistrySettings,
        SCHEMA,
        MIGRATIONS,
        lambda settings: serve(STATION_REGISTRY, settings, station_registry),
        AFTER_RESTORE,
    )
