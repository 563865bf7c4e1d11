"""The command line of a service with a schema.

`migrate` is done here, `serve` by the service itself; `after-restore` prints what a restore does in
its schema, as SQL that `csms-restore` runs in its own transaction (docs/adr/0013-restore.md).
"""

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from csms_shared.db.migrate import migrate_with
from csms_shared.db.settings import DatabaseSettings, MigrationSettings
from csms_shared.observability.logs import configure_logs
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.settings import (
    SettingsProblem,
    exit_with,
    load_settings,
    parse_command,
)
from csms_shared.service.process import run_service

Settings = TypeVar("Settings", bound=DatabaseSettings)


def run_command(
    service: str,
    model: type[Settings],
    schema: str,
    migrations: Path,
    serve: Callable[[Settings], Coroutine[Any, Any, None]],
    after_restore: Path,
) -> None:
    """Run the sub-command named on the command line; exit with 2 where a setting is wrong."""
    command = parse_command(
        service, ("serve", "migrate", "after-restore"), (model, MigrationSettings)
    )
    if command == "after-restore":
        sys.stdout.write(after_restore.read_text())
        return
    try:
        if command == "migrate":
            uvloop.run(migrate_with(load_settings(MigrationSettings), schema, migrations))
            return
        settings = load_settings(model)
    except SettingsProblem as problem:
        exit_with(str(problem), 2)
    except Unavailable as away:
        exit_with(f"CSMS_MIGRATION_DATABASE_URL: {away}")
    configure_logs(service, settings.log_format, settings.log_level)
    run_service(serve(settings))
