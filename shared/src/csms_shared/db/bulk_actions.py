"""Batches of bulk actions, each done once for its id; what it has done is its answer for good.

The outcome commits with what was done. Whoever asks again under the same id gets it, and whoever
asks at the same time waits for it.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Select, Table, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.bulk import BULK_COUNT_MAX, BulkBatch, BulkFailure, BulkOutcome
from csms_shared.db.purging import delete_slice
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.values.tenants import DEFAULT_TENANT

BUSY = "busy"


async def done_once(
    connection: AsyncConnection,
    actions: Table,
    batch: BulkBatch,
    work: Callable[[], Awaitable[BulkOutcome]],
) -> BulkOutcome:
    """Do `work` under the id of this batch, or return what it has done already."""
    action_id = _id_in_tenant(batch)
    taken = await connection.execute(
        insert(actions).values(id=action_id).on_conflict_do_nothing().returning(actions.c.id)
    )
    mine = actions.c.id == action_id
    if taken.first() is None:
        # Asked again, it may be once more: kept as long from now on.
        known = await connection.execute(
            update(actions).where(mine).values(at=func.now()).returning(actions.c.outcome)
        )
        return BulkOutcome.model_validate(known.scalar_one())
    outcome = await work()
    await connection.execute(
        update(actions).where(mine).values(outcome=outcome.model_dump(mode="json"))
    )
    return outcome


def _id_in_tenant(batch: BulkBatch) -> UUID:
    """Return what the batch is known by: no tenant is answered what another's has done."""
    if batch.tenant_id == DEFAULT_TENANT:
        return batch.action_id
    return uuid5(batch.action_id, batch.tenant_id)


async def counted(connection: AsyncConnection, matching: Select[Any]) -> BulkOutcome:
    """Return how many rows there are, counted to `BULK_COUNT_MAX`, for a dry run."""
    some = matching.limit(BULK_COUNT_MAX).subquery()
    number = await connection.execute(select(func.count()).select_from(some))
    return BulkOutcome(matched=number.scalar_one())


def busy(id: object) -> BulkFailure:
    """Return that something else is changing the item, which is not waited for."""
    return BulkFailure(
        id=str(id), code=BUSY, detail="it is being changed at this moment; ask again"
    )


def purge_bulk_actions() -> UpkeepTask:
    """Return the task that deletes outcomes two days after they were asked for last.

    An idempotency key, which is what leads to them again, is kept for one.
    """
    due = "bulk_action WHERE at < now() - interval '48 hours' ORDER BY at LIMIT :slice"
    return UpkeepTask(
        "purge_bulk_actions",
        600.0,
        lambda connection: delete_slice(connection, "bulk_action", due),
    )
