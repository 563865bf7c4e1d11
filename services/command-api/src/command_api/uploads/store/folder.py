"""Uploads in a folder: written aside, synced, and renamed when they are whole."""

import asyncio
import contextlib
import errno
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

from command_api.uploads.store.files import FilesAway, NoRoom
from csms_shared.runtime.settings import SettingsProblem

# What gathers in memory before a thread writes it.
_WRITE_BYTES = 1024 * 1024
_PARTS = "incomplete"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UploadFolder:
    """A folder that every replica shares."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def check(self) -> None:
        """Write a file and remove it."""
        try:
            await asyncio.to_thread(_try_out, self._folder)
        except OSError as error:
            raise SettingsProblem(
                f"CSMS_UPLOAD_STORE: {self._folder} can't be written: {error.strerror}"
            ) from error

    async def keep(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep a whole file."""
        part, kept = self._part(key), self._folder / key
        try:
            await _write(part, chunks)
            await asyncio.to_thread(_rename, part, kept)
        except OSError as error:
            if error.errno in _FULL:
                raise NoRoom(str(error)) from error
            raise FilesAway(str(error)) from error
        finally:
            await asyncio.to_thread(_remove, part)

    async def size(self, key: str) -> int | None:
        """Return a file's size."""
        try:
            return (await asyncio.to_thread((self._folder / key).stat)).st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FilesAway(str(error)) from error

    async def read(self, key: str, start: int, end: int) -> bytes:
        """Return a range of a file."""
        try:
            return await asyncio.to_thread(_read, self._folder / key, start, end)
        except OSError as error:
            raise FilesAway(str(error)) from error

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete files."""
        try:
            for key in keys:
                await asyncio.to_thread(_remove, self._part(key))
                await asyncio.to_thread(_remove, self._folder / key)
        except OSError as error:
            raise FilesAway(str(error)) from error

    def _part(self, key: str) -> Path:
        return self._folder / _PARTS / key.rpartition("/")[2]


async def _write(part: Path, chunks: AsyncIterator[bytes]) -> None:
    waiting = bytearray()
    file = await asyncio.to_thread(_open, part)
    try:
        async for chunk in chunks:
            waiting += chunk
            if len(waiting) >= _WRITE_BYTES:
                await asyncio.to_thread(file.write, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(_finish, file, bytes(waiting))
    finally:
        await asyncio.to_thread(file.close)


def _try_out(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _open(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.open("xb")


def _finish(file: BinaryIO, last: bytes) -> None:
    file.write(last)
    file.flush()
    os.fsync(file.fileno())


def _rename(part: Path, kept: Path) -> None:
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part.rename(kept)
    folder = os.open(kept.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
