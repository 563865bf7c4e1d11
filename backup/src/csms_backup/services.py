"""What must follow a restore in each schema: its service's program says it, as SQL.

`<service> after-restore` prints two functions, which are called in the restore's own transaction,
so that all services' parts happen or none:

- `pg_temp.note_<schema>()` inserts into `pg_temp.given_out` the highest numbers that the schema has
  given out. It is called before the schemas are replaced and after; the schema may be missing.
- `pg_temp.after_restore_of_<schema>(last_id bigint, counter bigint)` has what the schema gives out
  from now on begin above `last_id` (transaction ids) and `counter` (everything else), or raises
  where there is no room. The schema is as the backup had it, of this version or an older one.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from csms_backup import SCHEMAS
from csms_backup.errors import BackupError, MissingToolError

_ANSWER_SECONDS = 120.0


def ask_services() -> bytes:
    """Return the SQL that makes the functions of all services.

    Raises:
        MissingToolError: a service's program is neither beside this one nor on the PATH.
        BackupError: a program does not answer.
    """
    programs = {service: _find_program(service) for service in SCHEMAS.values()}
    asked = {
        service: subprocess.Popen(
            [program, "after-restore"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for service, program in programs.items()
    }
    try:
        return b"".join(_answer(service, process) for service, process in asked.items())
    finally:
        for process in asked.values():
            process.kill()


def owned_schemas() -> str:
    """Return the statement that tells a restore which schemas it replaces."""
    rows = ", ".join(f"('{service}', '{schema}')" for schema, service in SCHEMAS.items())
    return f"INSERT INTO pg_temp.owned_schema (service, schema) VALUES {rows};\n"  # noqa: S608 - ours


def _find_program(service: str) -> str:
    folders = (str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))
    program = shutil.which(service, path=os.pathsep.join(folders))
    if program is None:
        raise MissingToolError(
            f"{service} was not found. What follows a restore is said by each service's program: "
            "run this where they are installed, or put a script of its name that runs its image "
            "on the PATH (docs/operations.md)."
        )
    return program


def _answer(service: str, process: "subprocess.Popen[bytes]") -> bytes:
    try:
        said, complained = process.communicate(timeout=_ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        raise BackupError(
            f"'{service} after-restore' did not end within {_ANSWER_SECONDS:.0f} s"
        ) from None
    if process.returncode != 0:
        text = complained.decode(errors="replace").strip()
        raise BackupError(f"'{service} after-restore' failed: {text}")
    return said
