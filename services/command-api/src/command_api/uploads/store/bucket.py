"""Uploads in a bucket: streamed in parts, one object once all of them are there.

A small file is one PUT, a larger one a multipart upload, which shows nothing until it is
completed and is aborted when the station breaks off. Keys are those of the folder.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from command_api.uploads.domain.places import BucketAccess, BucketPlace
from command_api.uploads.store.files import FilesAway
from csms_shared.runtime.settings import SettingsProblem

if TYPE_CHECKING:
    from obstore.store import S3Config

# The least that S3 takes as a part; one is sent while the next one gathers.
_PART_BYTES = 5 * 1024 * 1024
_PARTS_AT_ONCE = 1
_CONNECT = timedelta(seconds=5)
# For one request: a part on its way, or its answer.
_REQUEST = timedelta(seconds=30)
_RETRIES = 3
_NO_MORE_RETRIES_AFTER = timedelta(seconds=60)
_CHECK_S = 10.0


class UploadBucket:
    """A bucket of an S3-compatible store."""

    def __init__(self, place: BucketPlace, access: BucketAccess) -> None:
        self._place = place
        self._store = _store(place, access)

    async def check(self) -> None:
        """Write an object and delete it."""
        key = f"check/{uuid4()}"
        try:
            async with asyncio.timeout(_CHECK_S):
                await obstore.put_async(self._store, key, b"")
                await obstore.delete_async(self._store, key)
        except FileNotFoundError as error:
            raise SettingsProblem(
                f"CSMS_UPLOAD_STORE: there is no bucket {self._place.bucket}"
            ) from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise SettingsProblem(
                "CSMS_UPLOAD_S3_ACCESS_KEY_ID, CSMS_UPLOAD_S3_SECRET_ACCESS_KEY: they may not "
                f"write and delete in the bucket {self._place.bucket}"
            ) from error
        except (BaseError, OSError) as error:
            raise FilesAway(_brief(error)) from error

    async def keep(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep a whole file."""
        writer = obstore.open_writer_async(
            self._store, key, buffer_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE
        )
        # Leaving it with an exception aborts what was begun.
        with _away():
            async with writer:
                async for chunk in chunks:
                    await writer.write(chunk)

    async def size(self, key: str) -> int | None:
        """Return a file's size."""
        with _away():
            try:
                return (await obstore.head_async(self._store, key))["size"]
            except FileNotFoundError:
                return None

    async def read(self, key: str, start: int, end: int) -> bytes:
        """Return a range of a file."""
        with _away():
            return bytes(await obstore.get_range_async(self._store, key, start=start, end=end))

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete files."""
        with _away():
            await obstore.delete_async(self._store, list(keys))


def _store(place: BucketPlace, access: BucketAccess) -> S3Store:
    # Every S3-compatible store deletes one object at a time, not every one several.
    config: S3Config = {"region": access.region, "disable_bulk_delete": True}
    if access.endpoint is not None:
        config["endpoint"] = access.endpoint
    if access.access_key_id is not None and access.secret_access_key is not None:
        config["access_key_id"] = access.access_key_id
        config["secret_access_key"] = access.secret_access_key.get_secret_value()
    return S3Store(
        place.bucket,
        prefix=place.prefix or None,
        config=config,
        client_options={
            "connect_timeout": _CONNECT,
            "timeout": _REQUEST,
            "allow_http": (access.endpoint or "").startswith("http://"),
        },
        retry_config={"max_retries": _RETRIES, "retry_timeout": _NO_MORE_RETRIES_AFTER},
    )


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise FilesAway(_brief(error)) from error


def _brief(error: Exception) -> str:
    # Its first line says what happened, the others show the library's inside.
    return str(error).partition("\n")[0] or type(error).__name__
