"""Tokens that allow one upload each, and what was uploaded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.uploads.tables import upload_attempts, upload_tokens, uploads

_PURGED_AT_ONCE = 200
# Longer than any upload may take.
_ABANDONED_HOURS = 24


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a station uploaded; `sha256` in hexadecimal, `size` in bytes."""

    upload_id: UUID
    job_id: UUID
    file_name: str
    size: int
    sha256: str
    remote_address: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """What a token that has not expired stands for."""

    tenant_id: str
    job_id: UUID
    used: bool


async def insert_token(
    connection: AsyncConnection,
    tenant_id: str,
    token_hash: bytes,
    job_id: UUID,
    expires_at: datetime,
) -> None:
    """Store a token."""
    await connection.execute(
        insert(upload_tokens).values(
            tenant_id=tenant_id, token_hash=token_hash, job_id=job_id, expires_at=expires_at
        )
    )


async def find_token(connection: AsyncConnection, token_hash: bytes) -> Token | None:
    """Return what a token stands for, None where it is unknown or has expired."""
    row = (
        await connection.execute(
            select(upload_tokens).where(
                upload_tokens.c.token_hash == token_hash, upload_tokens.c.expires_at > func.now()
            )
        )
    ).first()
    return None if row is None else Token(row.tenant_id, row.job_id, row.used_at is not None)


async def begin(connection: AsyncConnection, upload_id: UUID, token: Token) -> None:
    """Note that bytes of an upload may come to lie in the place of uploads."""
    await connection.execute(
        insert(upload_attempts).values(
            tenant_id=token.tenant_id, upload_id=upload_id, job_id=token.job_id
        )
    )


async def is_open(connection: AsyncConnection, upload_id: UUID) -> bool:
    """Return whether an upload has begun and does not count; waits for whoever stores it."""
    found = await connection.execute(
        select(upload_attempts.c.upload_id)
        .where(upload_attempts.c.upload_id == upload_id)
        .with_for_update()
    )
    return found.first() is not None


async def give_up(connection: AsyncConnection, upload_id: UUID) -> None:
    """Note that none do."""
    await connection.execute(
        delete(upload_attempts).where(upload_attempts.c.upload_id == upload_id)
    )


async def insert_upload(
    connection: AsyncConnection, token_hash: bytes, upload: dict[str, Any]
) -> Upload | None:
    """Use the token up and store the upload; None where somebody else has used it."""
    used = await connection.execute(
        update(upload_tokens)
        .where(upload_tokens.c.token_hash == token_hash, upload_tokens.c.used_at.is_(None))
        .values(used_at=text("now()"))
    )
    if used.rowcount == 0:
        return None
    await give_up(connection, upload["upload_id"])
    row = (await connection.execute(insert(uploads).values(**upload).returning(uploads))).one()
    return _upload(row)


async def uploads_of(connection: AsyncConnection, tenant_id: str, job_id: UUID) -> list[Upload]:
    """Return what was uploaded for a job of a tenant, oldest first."""
    rows = await connection.execute(
        select(uploads)
        .where(uploads.c.tenant_id == tenant_id, uploads.c.job_id == job_id)
        .order_by(uploads.c.upload_id)
    )
    return [_upload(row) for row in rows]


async def take_old(connection: AsyncConnection, days: int) -> list[Upload]:
    """Forget some of the uploads that are so many days old, and return them."""
    old = (
        select(uploads.c.upload_id)
        .where(uploads.c.received_at < func.now() - func.make_interval(0, 0, 0, days))
        .order_by(uploads.c.received_at)
        .limit(_PURGED_AT_ONCE)
    )
    rows = await connection.execute(
        delete(uploads).where(uploads.c.upload_id.in_(old)).returning(uploads)
    )
    return [_upload(row) for row in rows]


async def take_abandoned(connection: AsyncConnection) -> list[tuple[UUID, UUID]]:
    """Forget some of the uploads that came to nothing a day ago; return job and upload of each."""
    old = (
        select(upload_attempts.c.upload_id)
        .where(
            upload_attempts.c.begun_at
            < func.now() - func.make_interval(0, 0, 0, 0, _ABANDONED_HOURS)
        )
        .order_by(upload_attempts.c.begun_at)
        .limit(_PURGED_AT_ONCE)
    )
    rows = await connection.execute(
        delete(upload_attempts)
        .where(upload_attempts.c.upload_id.in_(old))
        .returning(upload_attempts.c.job_id, upload_attempts.c.upload_id)
    )
    return [(row.job_id, row.upload_id) for row in rows]


def _upload(row: Row[Any]) -> Upload:
    return Upload(
        upload_id=row.upload_id,
        job_id=row.job_id,
        file_name=row.file_name,
        size=row.size,
        sha256=row.sha256,
        remote_address=row.remote_address,
        received_at=row.received_at,
    )
