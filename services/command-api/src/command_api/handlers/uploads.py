"""Files that stations upload: one per token, counted while they stream, kept in one folder."""

import asyncio
import contextlib
import errno
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.domain.upload_names import safe_name
from command_api.store import uploads as store
from csms_shared.clock import now_ms
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.db.engine import in_transaction
from csms_shared.refusals import ProblemRaised, refuse

log = structlog.get_logger(__name__)

_TOKEN_BYTES = 24
# What gathers in memory before a thread writes it.
_WRITE_BYTES = 1024 * 1024
_PARTS = "incomplete"
# Longer than any upload may take.
_INCOMPLETE_S = 86_400


class Uploads:
    """Gives out tokens and takes in files; without a folder or a public URL it gives out none."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        folder: Path | None,
        public_url: str | None,
        max_bytes: int,
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._public_url = public_url
        self._max_bytes = max_bytes

    async def location(self, job_id: UUID, expires_at: datetime) -> str:
        """Return a URL that takes one upload for this job until it expires.

        Raises:
            ProblemRaised: this installation receives no uploads.
        """
        if self._folder is None or self._public_url is None:
            raise refuse(
                422,
                "no_upload_receiver",
                "CSMS_UPLOAD_FOLDER and CSMS_PUBLIC_URL are not set: name a location",
                ("location", "is required here"),
            )
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        await in_transaction(
            self._engine,
            lambda connection: store.insert_token(connection, _hash(token), job_id, expires_at),
        )
        return f"{self._public_url.rstrip('/')}/uploads/{token}/"

    async def check(self, token: str) -> UUID:
        """Return the job that the token is for.

        Raises:
            ProblemRaised: it is unknown, has expired or was used.
        """
        found = await in_transaction(
            self._engine, lambda connection: store.find_token(connection, _hash(token))
        )
        if found is None or self._folder is None:
            raise refuse(404, "not_found", "there is nothing here")
        if found.used:
            raise _used()
        return found.job_id

    async def receive(
        self, token: str, name: Callable[[], str], chunks: AsyncIterator[bytes], address: str
    ) -> store.Upload:
        """Take in a file; it counts once it is on the disk and in the database.

        `name` is asked for after the last chunk, because a form names its file inside.

        Raises:
            ProblemRaised: the token is not valid (404, 409), the file is too large (413) or the
                disk is full (507).
        """
        job_id = await self.check(token)
        assert self._folder is not None
        upload_id = new_command_id(now_ms())
        part = self._folder / _PARTS / str(upload_id)
        kept = self._folder / str(job_id) / str(upload_id)
        try:
            size, digest = await self._write(part, chunks)
            await asyncio.to_thread(_keep, part, kept)
            upload = await in_transaction(
                self._engine,
                lambda connection: store.insert_upload(
                    connection,
                    _hash(token),
                    {
                        "upload_id": upload_id,
                        "job_id": job_id,
                        "file_name": safe_name(name()),
                        "size": size,
                        "sha256": digest,
                        "remote_address": address,
                    },
                ),
            )
        except OSError as error:
            log.error("upload_not_stored", job_id=str(job_id), error=str(error))
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise refuse(507, "storage_full", "there is no room for the file") from error
            raise
        finally:
            await asyncio.to_thread(_remove, part)
        if upload is None:
            await asyncio.to_thread(_remove, kept)
            raise _used()
        log.info("upload_received", job_id=str(job_id), size=size)
        return upload

    async def of_job(self, job_id: UUID) -> list[store.Upload]:
        """Return what was uploaded for a job."""
        return await in_transaction(
            self._engine, lambda connection: store.uploads_of(connection, job_id)
        )

    def file(self, upload: store.Upload) -> Path | None:
        """Return where an upload lies, None where this replica does not have it."""
        if self._folder is None:
            return None
        path = self._folder / str(upload.job_id) / str(upload.upload_id)
        return path if path.is_file() else None

    async def purge(self, connection: AsyncConnection, days: int) -> None:
        """Delete uploads that are so many days old, and what a crash left incomplete."""
        if self._folder is None:
            return
        # Rows whose files are gone already stay, should the commit fail: then once more.
        for upload in await store.take_old(connection, days):
            folder = self._folder / str(upload.job_id)
            await asyncio.to_thread(_remove, folder / str(upload.upload_id))
        await asyncio.to_thread(_remove_incomplete, self._folder / _PARTS)

    async def _write(self, part: Path, chunks: AsyncIterator[bytes]) -> tuple[int, str]:
        size, digest, waiting = 0, hashlib.sha256(), bytearray()
        file = await asyncio.to_thread(_open, part)
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > self._max_bytes:
                    raise refuse(
                        413, "too_large", f"an upload may have {self._max_bytes} bytes at most"
                    )
                waiting += chunk
                if len(waiting) >= _WRITE_BYTES:
                    digest.update(waiting)
                    await asyncio.to_thread(file.write, bytes(waiting))
                    waiting.clear()
            digest.update(waiting)
            await asyncio.to_thread(_finish, file, bytes(waiting))
        finally:
            await asyncio.to_thread(file.close)
        return size, digest.hexdigest()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _open(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.open("xb")


def _finish(file: BinaryIO, last: bytes) -> None:
    file.write(last)
    file.flush()
    os.fsync(file.fileno())


def _keep(part: Path, kept: Path) -> None:
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part.rename(kept)
    folder = os.open(kept.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _remove_incomplete(folder: Path) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - _INCOMPLETE_S:
                path.unlink()


def _used() -> ProblemRaised:
    return refuse(409, "upload_done", "this address has taken its one upload")
