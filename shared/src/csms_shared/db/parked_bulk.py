"""All parked items that a filter finds: put back into their queues, or deleted, in batches.

Newest first, and after the cursor only: what is put back and fails again is parked anew, is newer
than all that is still to come, and is not met a second time.
"""

import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Row, Select, Table, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.contracts.bulk import BulkBatch, BulkFailure, BulkOutcome
from csms_shared.contracts.pages import DeleteParked, ParkedFilter, ReplayParked
from csms_shared.db.bulk_actions import busy, counted, done_once
from csms_shared.db.cursors import as_moment, as_uuid, decode_cursor, encode_cursor

# Of the bodies that are put back at once.
_BATCH_MAX_BYTES = 4 * 1024 * 1024
# Well before whoever asked gives up; what the broker has not confirmed by then is asked for again.
_CONFIRM_S = 2.0

Work = Callable[[Sequence[uuid.UUID]], Awaitable[tuple[int, list[BulkFailure]]]]


def fitting(parked: Table, query: ParkedFilter, *, replayed: bool | None) -> Select[Any]:
    """Select the parked items that a filter finds."""
    columns = parked.c
    conditions = [
        column == wanted
        for column, wanted in (
            (columns.queue, query.queue),
            (columns.type, query.type),
            (columns.station_id, query.station_id),
        )
        if wanted is not None
    ]
    if query.error is not None:
        conditions.append(columns.error.contains(query.error, autoescape=True))
    if query.parked_from is not None:
        conditions.append(columns.parked_at >= query.parked_from)
    if query.parked_to is not None:
        conditions.append(columns.parked_at < query.parked_to)
    if replayed is not None:
        given = columns.replayed_at.is_not(None) if replayed else columns.replayed_at.is_(None)
        conditions.append(given)
    return select(parked).where(*conditions)


async def replay_many(
    connection: AsyncConnection,
    publisher: Publisher,
    parked: Table,
    actions: Table,
    batch: ReplayParked,
) -> BulkOutcome:
    """Publish items that were not replayed yet to their queues, and mark those the broker has.

    What may have been published before the database went away is published again by whoever asks
    again, which is harmless.
    """

    async def replay(ids: Sequence[uuid.UUID]) -> tuple[int, list[BulkFailure]]:
        items = (await connection.execute(_locked(parked, batch, ids, replayed=False))).all()
        # The oldest first, as they came.
        items = sorted(items, key=lambda item: (item.parked_at, item.id))
        outcomes = await publisher.publish_all(
            [Outgoing(DEFAULT_EXCHANGE, row.queue, row.type, bytes(row.body)) for row in items],
            _CONFIRM_S,
        )
        taken = [item.id for item, failure in zip(items, outcomes, strict=True) if failure is None]
        await connection.execute(
            update(parked).where(parked.c.id.in_(taken)).values(replayed_at=func.now())
        )
        refused = [
            _not_confirmed(item)
            for item, failure in zip(items, outcomes, strict=True)
            if failure is not None
        ]
        left = set(ids).difference(item.id for item in items)
        return len(taken), refused + await _busy(connection, parked, batch, left, replayed=False)

    return await _in_batch(connection, parked, actions, batch, False, replay)


async def delete_many(
    connection: AsyncConnection, parked: Table, actions: Table, batch: DeleteParked
) -> BulkOutcome:
    """Delete items for good."""

    async def remove(ids: Sequence[uuid.UUID]) -> tuple[int, list[BulkFailure]]:
        locked = _locked(parked, batch, ids, replayed=batch.replayed).with_only_columns(parked.c.id)
        found = await connection.execute(
            delete(parked).where(parked.c.id.in_(locked)).returning(parked.c.id)
        )
        gone = set(found.scalars())
        left = set(ids) - gone
        return len(gone), await _busy(connection, parked, batch, left, replayed=batch.replayed)

    return await _in_batch(connection, parked, actions, batch, batch.replayed, remove)


async def _in_batch(
    connection: AsyncConnection,
    parked: Table,
    actions: Table,
    batch: ReplayParked | DeleteParked,
    replayed: bool | None,
    work: Work,
) -> BulkOutcome:
    matching = fitting(parked, batch, replayed=replayed)
    if batch.cursor is not None:
        key = tuple(decode_cursor(batch.cursor, as_moment, as_uuid))
        matching = matching.where(tuple_(parked.c.parked_at, parked.c.id) < key)
    if batch.dry_run:
        return await counted(connection, matching.with_only_columns(parked.c.id))

    async def do() -> BulkOutcome:
        rows, cursor = await _next(connection, matching, parked, batch)
        done, failures = await work([row.id for row in rows])
        return BulkOutcome(
            matched=len(rows),
            done=done,
            failed=len(failures),
            failures=failures,
            next_cursor=cursor,
        )

    return await done_once(connection, actions, batch, do)


async def _next(
    connection: AsyncConnection, matching: Select[Any], parked: Table, batch: BulkBatch
) -> tuple[list[Row[Any]], str | None]:
    """Return the next items, as many as their bodies allow, and the cursor of those after them."""
    statement = (
        matching.with_only_columns(
            parked.c.id, parked.c.parked_at, func.octet_length(parked.c.body).label("size")
        )
        .order_by(parked.c.parked_at.desc(), parked.c.id.desc())
        .limit(batch.limit + 1)
    )
    found: list[Row[Any]] = list(await connection.execute(statement))
    chosen: list[Row[Any]] = []
    size = 0
    for row in found[: batch.limit]:
        size += row.size
        if chosen and size > _BATCH_MAX_BYTES:
            break
        chosen.append(row)
    if len(chosen) == len(found):
        return chosen, None
    return chosen, encode_cursor(chosen[-1].parked_at, chosen[-1].id)


def _locked(
    parked: Table, query: ParkedFilter, ids: Sequence[uuid.UUID], *, replayed: bool | None
) -> Select[Any]:
    # Asked again: an item may have been put back, and have failed for another reason.
    return (
        fitting(parked, query, replayed=replayed)
        .where(parked.c.id.in_(ids))
        .with_for_update(skip_locked=True)
    )


async def _busy(
    connection: AsyncConnection,
    parked: Table,
    query: ParkedFilter,
    ids: Collection[uuid.UUID],
    *,
    replayed: bool | None,
) -> list[BulkFailure]:
    """Return failures of those that are there still, and that others had locked."""
    if not ids:
        return []
    statement = fitting(parked, query, replayed=replayed).where(parked.c.id.in_(ids))
    there = await connection.execute(statement.with_only_columns(parked.c.id))
    return [busy(id) for id in sorted(there.scalars())]


def _not_confirmed(item: Row[Any]) -> BulkFailure:
    return BulkFailure(
        id=str(item.id),
        code="not_confirmed",
        detail=f"the broker did not confirm the message for {item.queue}"[:300],
    )
