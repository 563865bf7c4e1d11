"""Items set aside: from the handler to the parking queue, from there to the `parked` table."""

import re
import uuid
from typing import Any

import orjson
from sqlalchemy import Table, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.broker.topology import parking_queue
from csms_shared.contracts.message_types import MessageType
from csms_shared.db.engine import in_transaction
from csms_shared.observability.metrics import PARKED_ITEMS
from csms_shared.observability.system_notices import MINUTE_S, Notice, Tell, tell_nobody
from csms_shared.runtime.errors import Unavailable
from csms_shared.values.levels import Level
from csms_shared.values.tenants import DEFAULT_TENANT
from csms_shared.values.texts import is_storable

PARKED_TYPE = "parked.v1"
_ERROR_MAX = 2000
_EXCEPTION = re.compile(r"(\w+)\(")
_UNDELIVERABLE = "delivered too often: the consumer died or rejected it each time"


async def park(
    publisher: Publisher, service: str, queue: str, items: list[tuple[str, bytes, Exception]]
) -> None:
    """Publish items (type, single-item body, error) to the service's parking queue.

    Raises:
        Unavailable: the broker did not confirm all of them; none may be acknowledged.
    """
    outcomes = await publisher.publish_all(
        [
            Outgoing(
                DEFAULT_EXCHANGE,
                parking_queue(service).name,
                PARKED_TYPE,
                orjson.dumps(
                    {
                        "queue": queue,
                        "type": type_,
                        "body": body.decode(errors="replace"),
                        "error": repr(error)[:_ERROR_MAX],
                    }
                ),
            )
            for type_, body, error in items
        ]
    )
    if any(outcomes):
        raise Unavailable("the parking queue did not confirm")


class ParkingDrain:
    """Consumer handler that moves the parking queue into the service's own table.

    What the broker dead-lettered (delivered too often) arrives as it was; what the service parked
    carries its error. The row's id is derived from the body, so that moving twice is harmless; an
    item that was replayed and comes again has failed again, and is open with its new error. (A
    copy of its first failure that the broker delivers after the replay reads alike, and only asks
    for one more replay.)
    """

    def __init__(self, engine: AsyncEngine, parked: Table, tell: Tell = tell_nobody) -> None:
        self._tell = tell
        self._engine = engine
        self._parked = parked

    async def __call__(self, deliveries: list[Delivery]) -> None:
        """Store the deliveries; returning acknowledges them."""
        # A probe asks whether the queue takes messages, and is nothing to keep.
        kept = [delivery for delivery in deliveries if delivery.type != MessageType.PROBE]
        rows = {row["id"]: row for row in map(_row, kept)}
        if not rows:
            return
        new = insert(self._parked).values([rows[row_id] for row_id in sorted(rows)])
        failed_again = new.on_conflict_do_update(
            index_elements=[self._parked.c.id],
            set_={"error": new.excluded.error, "parked_at": func.now(), "replayed_at": None},
            where=self._parked.c.replayed_at.is_not(None),
        )

        async def store(connection: AsyncConnection) -> None:
            await connection.execute(failed_again)

        await in_transaction(self._engine, store)
        PARKED_ITEMS.inc(len(rows))
        for row in rows.values():
            self._tell(_notice(row))


def _notice(row: dict[str, Any]) -> Notice:
    """Tell operators of an item, those of its tenant where it says whose it is."""
    queue, type_ = row["queue"], row["type"]
    return Notice(
        "system.item_parked",
        queue,
        Level.ERROR,
        f"An item of the queue {queue} could not be processed and was set aside.",
        # An error's text may have the item's values in it, which are not for everybody.
        {"queue": queue, "message_type": type_, "error": _kind(row["error"])},
        MINUTE_S,
        _tenant_id(row["body"]),
    )


def _kind(error: str) -> str:
    """Return the name of an exception of which this is the text, or a text of our own."""
    named = _EXCEPTION.match(error)
    return error[:200] if named is None else named[1]


def _row(delivery: Delivery) -> dict[str, Any]:
    found = _parked_here(delivery)
    if found is not None:
        queue, type_, error, body = found
    else:
        death = delivery.message.headers.get("x-first-death-queue")
        queue, type_ = str(death or "unknown"), delivery.type
        error = _UNDELIVERABLE
        body = delivery.body
    return {
        "id": uuid.uuid5(uuid.NAMESPACE_OID, f"{queue}\x1f{body!r}"),
        "queue": queue,
        "type": type_,
        "body": body,
        "station_id": _station_id(body),
        "error": error,
    }


def _parked_here(delivery: Delivery) -> tuple[str, str, str, bytes] | None:
    """Return queue, type, error and body of what a service parked; None where it is no such."""
    if delivery.type != PARKED_TYPE:
        return None
    try:
        document = orjson.loads(delivery.body)
        texts = [document[name] for name in ("queue", "type", "error", "body")]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if not all(isinstance(one, str) and is_storable(one) for one in texts[:3]):
        return None
    queue, type_, error, body = texts
    return (queue, type_, error, body.encode()) if isinstance(body, str) else None


def _station_id(body: bytes) -> str | None:
    return _named(body, "station_id")


def _tenant_id(body: bytes) -> str:
    return _named(body, "tenant_id") or DEFAULT_TENANT


def _named(body: bytes, name: str) -> str | None:
    try:
        found = orjson.loads(body)["items"][0][name]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        return None
    return found if isinstance(found, str) and is_storable(found) else None
