"""What idempotency keys stand for: one key of a principal for one thing, for a day."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.tenancy import of_tenant
from csms_shared.values.tenant_keys import key_in_tenant


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A principal's key in a tenant and a digest of the request that it was used for."""

    tenant_id: str
    principal: str
    key: str
    request_hash: bytes

    @property
    def holder(self) -> str:
        """The principal, as it is stored: a platform administrator has keys in each tenant."""
        return key_in_tenant(self.tenant_id, self.principal)

    @property
    def name(self) -> dict[str, str]:
        """What finds the key, as parameters of `_NAMED`."""
        return {"tenant_id": self.tenant_id, "holder": self.holder, "key": self.key}


_NAMED = f"{of_tenant()} AND principal = :holder AND key = :key"


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What an idempotency key stands for: the id of a command, a job, a rollout."""

    request_hash: bytes
    id: UUID


async def find_key(connection: AsyncConnection, idempotency: Idempotency) -> KnownKey | None:
    """Return what the key stands for, None where it is new or a day old."""
    row = (
        await connection.execute(
            text(
                "SELECT request_hash, command_id FROM idempotency_keys "  # noqa: S608 - a constant
                f"WHERE {_NAMED} AND created_at >= now() - interval '24 hours'"
            ),
            idempotency.name,
        )
    ).first()
    return None if row is None else KnownKey(bytes(row.request_hash), row.command_id)


async def take_key(
    connection: AsyncConnection, idempotency: Idempotency, new_id: UUID
) -> datetime | None:
    """Have the key stand for `new_id`; return since when, None where it stands for something."""
    taken = await connection.execute(
        text(
            "INSERT INTO idempotency_keys AS kept "
            "(tenant_id, principal, key, request_hash, command_id) "
            "VALUES (:tenant_id, :holder, :key, :request_hash, :id) "
            "ON CONFLICT (principal, key) DO UPDATE SET request_hash = excluded.request_hash, "
            "command_id = excluded.command_id, created_at = excluded.created_at "
            "WHERE kept.created_at < now() - interval '24 hours' RETURNING created_at"
        ),
        {**idempotency.name, "request_hash": idempotency.request_hash, "id": new_id},
    )
    return taken.scalar_one_or_none()


async def renew_key(connection: AsyncConnection, idempotency: Idempotency, id: UUID) -> bool:
    """Have the key stand for this from now on; return whether it still does."""
    renewed = await connection.execute(
        text(
            "UPDATE idempotency_keys SET created_at = clock_timestamp() "  # noqa: S608 - a constant
            f"WHERE {_NAMED} AND command_id = :id"
        ),
        {**idempotency.name, "id": id},
    )
    return renewed.rowcount > 0


async def give_up_key(
    connection: AsyncConnection, idempotency: Idempotency, id: UUID, since: datetime
) -> None:
    """Have the key stand for nothing again, unless somebody has renewed or taken it `since`."""
    await connection.execute(
        text(
            f"DELETE FROM idempotency_keys WHERE {_NAMED} "  # noqa: S608 - a constant
            "AND command_id = :id AND created_at = :since"
        ),
        {**idempotency.name, "id": id, "since": since},
    )
