"""Orders of commands: stored with the state they belong to, sent by the outbox relay."""

from collections.abc import Iterable

from sqlalchemy import Table, func
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import COMMAND_ORDERS_KEY
from csms_shared.contracts.envelope import BATCH_MAX_BYTES, BATCH_MAX_ITEMS
from csms_shared.contracts.orders import CommandOrder


async def write_orders(
    connection: AsyncConnection, outbox: Table, orders: Iterable[CommandOrder]
) -> None:
    """Store orders in the transaction of the state that they follow from.

    Each is sent at least once and becomes one command; its end is a `command.completed`.
    """
    rows = [
        {
            "routing_key": COMMAND_ORDERS_KEY,
            "events": b"[" + b",".join(group) + b"]",
            "event_count": len(group),
        }
        for group in _groups([order.model_dump_json().encode() for order in orders])
    ]
    if rows:
        # No events: there is nothing for the event store.
        await connection.execute(outbox.insert().values(stored_at=func.now()), rows)


def _groups(orders: list[bytes]) -> list[list[bytes]]:
    groups: list[list[bytes]] = []
    size = 0
    for order in orders:
        if not groups or len(groups[-1]) == BATCH_MAX_ITEMS or size + len(order) > BATCH_MAX_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(order)
        size += len(order)
    return groups
