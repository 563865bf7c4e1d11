"""What REST may ask of parked items: list them, put them back into their queues, delete them."""

import base64
import uuid
from typing import Any

from sqlalchemy import Table, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.contracts.bulk import BulkOutcome
from csms_shared.contracts.pages import (
    CountParked,
    DeleteParked,
    ListParked,
    Page,
    ParkedCount,
    ParkedId,
    ParkedView,
    ReplayParked,
)
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.requests import Problem
from csms_shared.db.attention import AT_MOST, attention_sql, read_attention
from csms_shared.db.cursors import as_moment, as_uuid, decode_cursor, encode_cursor
from csms_shared.db.engine import RequestHandler, in_transaction, transactional
from csms_shared.db.parked_bulk import delete_many, fitting, replay_many
from csms_shared.values.times import format_time


def parked_operations(
    engine: AsyncEngine, publisher: Publisher, parked: Table, actions: Table, service: str
) -> dict[str, RequestHandler]:
    """Return the handlers of the `parked.*` operations; `actions` is the table `bulk_action`."""

    async def list_page(connection: AsyncConnection, query: ListParked) -> Page[ParkedView]:
        return await list_parked(connection, parked, service, query)

    count_waiting = attention_sql(
        "SELECT CAST(id AS text) AS id, parked_at AS at, queue || ': ' || error AS text, "  # noqa: S608
        f"1 AS of FROM {parked.name} WHERE replayed_at IS NULL ORDER BY parked_at DESC {AT_MOST}"
    )

    async def count(connection: AsyncConnection, _: CountParked) -> ParkedCount:
        return ParkedCount(waiting=await read_attention(connection, count_waiting, {}))

    async def replay(parameters: ParkedId) -> None:
        _raise(await replay_parked(engine, publisher, parked, parameters.id))

    async def remove(connection: AsyncConnection, parameters: ParkedId) -> None:
        _raise(await delete_parked(connection, parked, parameters.id))

    async def replay_batch(connection: AsyncConnection, batch: ReplayParked) -> BulkOutcome:
        return await replay_many(connection, publisher, parked, actions, batch)

    async def delete_batch(connection: AsyncConnection, batch: DeleteParked) -> BulkOutcome:
        return await delete_many(connection, parked, actions, batch)

    return {
        "parked.list": transactional(engine, list_page),
        "parked.replay": replay,
        "parked.delete": transactional(engine, remove),
        "parked.replay_many": transactional(engine, replay_batch),
        "parked.delete_many": transactional(engine, delete_batch),
        "parked.count": transactional(engine, count),
    }


async def list_parked(
    connection: AsyncConnection, parked: Table, service: str, query: ListParked
) -> Page[ParkedView]:
    """Return parked items, newest first.

    Raises:
        BadCursor: the cursor is not of this list.
    """
    statement = (
        fitting(parked, query, replayed=query.replayed)
        .order_by(parked.c.parked_at.desc(), parked.c.id.desc())
        .limit(query.limit + 1)
    )
    if query.cursor is not None:
        key = tuple(decode_cursor(query.cursor, as_moment, as_uuid))
        statement = statement.where(tuple_(parked.c.parked_at, parked.c.id) < key)
    rows = (await connection.execute(statement)).all()
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    return Page(
        items=[_view(service, row) for row in shown],
        next_cursor=encode_cursor(shown[-1].parked_at, shown[-1].id) if more else None,
    )


async def replay_parked(
    engine: AsyncEngine, publisher: Publisher, parked: Table, parked_id: str
) -> Problem | None:
    """Publish the item to its queue again, and mark it; marked only once the broker has it.

    Raises:
        Unavailable: the database is away; the item may have been published, which is harmless.
    """

    async def replay(connection: AsyncConnection) -> Problem | None:
        row = (
            await connection.execute(
                select(parked).where(parked.c.id == _uuid(parked_id)).with_for_update()
            )
        ).first()
        if row is None:
            return _not_found(parked_id)
        outcomes = await publisher.publish_all(
            [Outgoing(DEFAULT_EXCHANGE, row.queue, row.type, bytes(row.body))]
        )
        if any(outcomes):
            return Problem(
                status=503,
                code="service_unavailable",
                detail=f"the broker did not confirm the message for {row.queue}",
            )
        await connection.execute(
            update(parked).where(parked.c.id == row.id).values(replayed_at=func.now())
        )
        return None

    return await in_transaction(engine, replay)


async def delete_parked(
    connection: AsyncConnection, parked: Table, parked_id: str
) -> Problem | None:
    """Delete the item for good."""
    found = await connection.execute(
        delete(parked).where(parked.c.id == _uuid(parked_id)).returning(parked.c.id)
    )
    return None if found.first() else _not_found(parked_id)


def _view(service: str, row: Any) -> ParkedView:
    return ParkedView(
        id=str(row.id),
        service=service,
        queue=row.queue,
        type=row.type,
        station_id=row.station_id,
        body=_text(bytes(row.body)),
        error=row.error,
        parked_at=format_time(row.parked_at),
        replayed_at=None if row.replayed_at is None else format_time(row.replayed_at),
    )


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(body).decode()


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise ProblemRaised(_not_found(text)) from None


def _not_found(parked_id: str) -> Problem:
    return Problem(status=404, code="not_found", detail=f"there is no parked item {parked_id}")


def _raise(problem: Problem | None) -> None:
    if problem is not None:
        raise ProblemRaised(problem)
