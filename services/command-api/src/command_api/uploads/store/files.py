"""What keeps the bytes of uploads must do; rows about them are in `rows`."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol
from uuid import UUID


class NoRoom(Exception):
    """The place of uploads is full."""


class FilesAway(Exception):
    """The place of uploads does not answer, or refuses."""


def file_key(job_id: UUID, upload_id: UUID) -> str:
    """Return where an upload lies in every place, below the folder or prefix."""
    return f"{job_id}/{upload_id}"


class UploadFiles(Protocol):
    """A folder or a bucket."""

    async def check(self) -> None:
        """Find out whether files can be kept at all.

        Raises:
            SettingsProblem: they never will be with these settings.
            FilesAway: not now.
        """

    async def keep(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep a whole file; nothing is visible before, nor when `chunks` raises, which passes.

        Raises:
            NoRoom: there is none.
            FilesAway: it can't be kept now.
        """

    async def size(self, key: str) -> int | None:
        """Return a file's size in bytes, None where there is no such file.

        Raises:
            FilesAway: it can't be told now.
        """

    async def read(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end`, which lie within the file.

        Raises:
            FilesAway: it can't be read now.
        """

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete files, and what was left of them incomplete; one that is not there is fine.

        Raises:
            FilesAway: some may be left.
        """
