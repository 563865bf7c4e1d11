"""Files that stations upload: one per token, counted while they stream, kept in one place."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.uploads.domain.names import safe_name
from command_api.uploads.store import rows as store
from command_api.uploads.store.files import FilesAway, NoRoom, UploadFiles, file_key
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.engine import in_transaction
from csms_shared.db.tenancy import RequestEngines
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable

log = structlog.get_logger(__name__)

_TOKEN_BYTES = 24
# Each holds some MiB in memory; more than these wait for their turn, shorter than the server
# waits for a silent client.
_AT_ONCE = 16
_TURN_S = 20.0
# What one read of a download holds in memory.
_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Download:
    """A file on its way to an operator."""

    size: int
    chunks: AsyncIterator[bytes]


class Uploads:
    """Gives out tokens and takes in files; without a place or a public URL it gives out none."""

    def __init__(
        self,
        engines: RequestEngines,
        *,
        files: UploadFiles | None,
        public_url: str | None,
        max_bytes: int,
    ) -> None:
        # What stations upload comes with a token, and names no tenant.
        self._engines = engines
        self._files = files
        self._public_url = public_url
        self._max_bytes = max_bytes
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def check(self) -> None:
        """Find out at the start whether files can be kept; one that is away may come back.

        Raises:
            SettingsProblem: they can't be with these settings.
        """
        if self._files is None:
            return
        try:
            await self._files.check()
        except FilesAway as error:
            log.warning("upload_store_away", setting="CSMS_UPLOAD_STORE", error=str(error))

    async def location(self, tenant_id: str, job_id: UUID, expires_at: datetime) -> str:
        """Return a URL that takes one upload for this job of a tenant until it expires.

        Raises:
            ProblemRaised: this installation receives no uploads.
        """
        if self._files is None or self._public_url is None:
            raise refuse(
                422,
                "no_upload_receiver",
                "CSMS_UPLOAD_STORE and CSMS_PUBLIC_URL are not set: name a location",
                ("location", "is required here"),
            )
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        await in_transaction(
            self._engines.of_tenant,
            lambda connection: store.insert_token(
                connection, tenant_id, _hash(token), job_id, expires_at
            ),
        )
        return f"{self._public_url.rstrip('/')}/uploads/{token}/"

    async def admit(self, token: str) -> store.Token:
        """Return what the token is for.

        Raises:
            ProblemRaised: it is unknown or has expired.
        """
        found = await in_transaction(
            self._engines.of_all, lambda connection: store.find_token(connection, _hash(token))
        )
        if found is None or self._files is None:
            raise refuse(404, "not_found", "there is nothing here")
        return found

    async def receive(
        self, token: str, name: Callable[[], str], chunks: AsyncIterator[bytes], address: str
    ) -> store.Upload:
        """Take in a file; it counts once its bytes are kept and its row is in the database.

        `name` is asked for after the last chunk, because a form names its file inside. The same
        file again is answered as the first time: the station has not got that answer.

        Raises:
            ProblemRaised: the token is not valid (404), has taken another file (409), the file is
                too large (413), too many come in or the place of uploads is away (503), or it is
                full (507).
        """
        admitted = await self.admit(token)
        job_id = admitted.job_id
        counted = _Counted(chunks, self._max_bytes)
        async with self._turn():
            if admitted.used:
                async for _ in counted.chunks():
                    pass
                return await self._kept_before(admitted, counted.sha256())
            upload_id = new_command_id(now_ms())
            # Before its bytes: what a crash leaves is found by this row and deleted.
            await in_transaction(
                self._engines.of_all,
                lambda connection: store.begin(connection, upload_id, admitted),
            )
            try:
                upload = await self._receive(token, admitted, upload_id, name, counted, address)
            except BaseException:
                await self._discard(job_id, upload_id)
                raise
            if upload is None:
                await self._discard(job_id, upload_id)
                return await self._kept_before(admitted, counted.sha256())
        log.info("upload_received", job_id=str(job_id), size=upload.size)
        return upload

    async def of_job(self, tenant_id: str, job_id: UUID) -> list[store.Upload]:
        """Return what was uploaded for a job of a tenant."""
        return await in_transaction(
            self._engines.of_tenant,
            lambda connection: store.uploads_of(connection, tenant_id, job_id),
        )

    async def download(self, upload: store.Upload) -> Download | None:
        """Return a file's bytes, None where the place of uploads does not have it.

        Raises:
            ProblemRaised: the place of uploads is away.
        """
        if self._files is None:
            return None
        key = file_key(upload.job_id, upload.upload_id)
        try:
            size = await self._files.size(key)
        except FilesAway as error:
            raise _away(error) from error
        return None if size is None else Download(size, self._read(self._files, key, size))

    async def purge(self, connection: AsyncConnection, days: int) -> None:
        """Delete uploads that are so many days old, and what was left of those that failed."""
        if self._files is None:
            return
        keys = [
            file_key(old.job_id, old.upload_id) for old in await store.take_old(connection, days)
        ]
        keys += [file_key(*left) for left in await store.take_abandoned(connection)]
        # Rows whose files are gone already stay, should the commit fail: then once more.
        await self._files.delete(keys)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_TURN_S):
                await self._turns.acquire()
        except TimeoutError as error:
            raise refuse(503, "busy", "too many files come in at once") from error
        try:
            yield
        finally:
            self._turns.release()

    async def _receive(
        self,
        token: str,
        admitted: store.Token,
        upload_id: UUID,
        name: Callable[[], str],
        counted: "_Counted",
        address: str,
    ) -> store.Upload | None:
        """Keep and store the file; None where another has used the token up meanwhile."""
        assert self._files is not None
        job_id = admitted.job_id
        try:
            await self._files.keep(file_key(job_id, upload_id), counted.chunks())
        except FilesAway as error:
            raise _away(error) from error
        except NoRoom as error:
            log.error("upload_not_stored", job_id=str(job_id), error=str(error))
            raise refuse(507, "storage_full", "there is no room for the file") from error
        return await in_transaction(
            self._engines.of_all,
            lambda connection: store.insert_upload(
                connection,
                _hash(token),
                {
                    "tenant_id": admitted.tenant_id,
                    "upload_id": upload_id,
                    "job_id": job_id,
                    "file_name": safe_name(name()),
                    "size": counted.size,
                    "sha256": counted.sha256(),
                    "remote_address": address,
                },
            ),
        )

    async def _kept_before(self, admitted: store.Token, sha256: str) -> store.Upload:
        uploads = await in_transaction(
            self._engines.of_all,
            lambda connection: store.uploads_of(connection, admitted.tenant_id, admitted.job_id),
        )
        for upload in uploads:
            if upload.sha256 == sha256:
                return upload
        raise refuse(409, "upload_done", "this address has taken its one upload")

    async def _discard(self, job_id: UUID, upload_id: UUID) -> None:
        """Delete what there is of a file that does not count; `purge` does where this fails."""
        assert self._files is not None
        try:
            # A commit whose answer was lost made it count after all.
            if await in_transaction(
                self._engines.of_all, lambda connection: store.is_open(connection, upload_id)
            ):
                await self._files.delete([file_key(job_id, upload_id)])
                await in_transaction(
                    self._engines.of_all, lambda connection: store.give_up(connection, upload_id)
                )
        except (FilesAway, Unavailable) as error:
            log.warning("upload_left_over", upload_id=str(upload_id), error=str(error))

    async def _read(self, files: UploadFiles, key: str, size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, _READ_BYTES):
            yield await files.read(key, start, min(start + _READ_BYTES, size))


class _Counted:
    """The bytes of a file, their number and digest once they have passed."""

    def __init__(self, chunks: AsyncIterator[bytes], max_bytes: int) -> None:
        self.size = 0
        self._chunks = chunks
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._max_bytes:
                raise refuse(
                    413, "too_large", f"an upload may have {self._max_bytes} bytes at most"
                )
            self._digest.update(chunk)
            yield chunk

    def sha256(self) -> str:
        return self._digest.hexdigest()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _away(error: FilesAway) -> ProblemRaised:
    log.warning("upload_store_away", error=str(error))
    return refuse(503, "service_unavailable", "the place of uploads does not answer")
