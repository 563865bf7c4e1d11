"""Numbers that were given out and are never given out again, noted beside the backups."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from csms_backup.errors import BackupError

INT32_MAX = 2_147_483_647
_ALARM_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class GivenOut:
    """From where a restored suite goes on.

    `transaction_id`: the last one that counts as used. `counter`: what epochs, boot counts and
    versions of tokens and users have in common as their start. `position`: that of the newest
    event; a note of before there were positions has none.
    """

    transaction_id: int
    counter: int
    position: int = 0

    @property
    def alarm(self) -> bool:
        """Tell whether most ids that a station can take are used (design: alarm at 80 %)."""
        return self.transaction_id >= INT32_MAX * _ALARM_SHARE

    def insert(self) -> str:
        """Return the statement that makes these numbers count in a restore."""
        return (
            "INSERT INTO pg_temp.given_out "  # noqa: S608 - three integers
            f"VALUES ({int(self.transaction_id)}, {int(self.counter)}, {int(self.position)});\n"
        )


class GivenOutNote:
    """The highest numbers that any restore from this folder has begun with.

    Without it, a backup that is restored twice, the second time on a new disk, would begin with
    the same numbers again.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "given-out.json"

    def read(self) -> GivenOut:
        """Return the note; zeros where nothing was restored from here yet."""
        if not self._path.exists():
            return GivenOut(0, 0)
        try:
            return GivenOut(**json.loads(self._path.read_text()))
        except (ValueError, TypeError) as error:
            raise BackupError(f"{self._path} can't be read: {error}") from error

    def write(self, given_out: GivenOut) -> None:
        """Replace the note."""
        try:
            _write_private(self._path, json.dumps(asdict(given_out)) + "\n")
        except OSError as error:
            raise BackupError(
                f"{self._path} can't be written ({error}): copy the backup and that file, if there "
                "is one, to a folder that can be"
            ) from error


def _write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only at every moment."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
