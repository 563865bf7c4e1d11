"""What is deleted when it is of no more use."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from command_api.store.rotations import forget_old_proofs
from command_api.store.tables import outbox
from csms_shared.db.upkeep import UpkeepTask, purge_outbox


async def _purge_idempotency_keys(connection: AsyncConnection) -> None:
    await connection.execute(
        text(
            "DELETE FROM idempotency_keys WHERE (principal, key) IN (SELECT principal, key "
            "FROM idempotency_keys WHERE created_at < now() - interval '24 hours' LIMIT 20000)"
        )
    )


async def _purge_starts(connection: AsyncConnection) -> None:
    await connection.execute(
        text("DELETE FROM transaction_starts WHERE seen_at < now() - interval '24 hours'")
    )


async def _purge_upload_tokens(connection: AsyncConnection) -> None:
    await connection.execute(
        text("DELETE FROM upload_tokens WHERE expires_at < now() - interval '24 hours'")
    )


def purges() -> tuple[UpkeepTask, ...]:
    """Return the service's periodic deletions."""
    return (
        purge_outbox(outbox),
        UpkeepTask("purge_idempotency_keys", 60.0, _purge_idempotency_keys),
        UpkeepTask("purge_transaction_starts", 600.0, _purge_starts),
        UpkeepTask("purge_upload_tokens", 600.0, _purge_upload_tokens),
        UpkeepTask("forget_old_proofs", 600.0, forget_old_proofs),
    )
