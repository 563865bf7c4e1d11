"""Commands as services order them, and what they are told of their ends."""

from typing import Any

import asyncpg
import orjson
from command_api_fakes import Stations

from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import COMMAND_ORDERS_KEY, REQUESTS
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.orders import (
    CommandOrder,
    CommandOrderBatch,
    CompletedCommand,
    order_of,
)
from csms_shared.ocpp.intents import Intent
from csms_shared.runtime.clock import now_ms


def order(station_id: str, action: str = "ClearCache", **fields: Any) -> CommandOrder:
    now = now_ms()
    return CommandOrder.model_validate(
        {
            "order_id": new_command_id(now),
            "station_id": station_id,
            "action": action,
            "payload": {},
            "deadline_ms": now + 600_000,
            "created_by": "session-service",
            **fields,
        }
    )


def intended(station_id: str, intent: Intent) -> CommandOrder:
    now = now_ms()
    return order_of(
        intent,
        order_id=new_command_id(now),
        station_id=station_id,
        deadline_ms=now + 600_000,
        created_by="station-registry",
    )


async def place(stations: Stations, *orders: CommandOrder) -> None:
    await place_raw(stations, CommandOrderBatch(items=list(orders)).model_dump_json().encode())


async def place_raw(stations: Stations, body: bytes) -> None:
    await stations.publish(Outgoing(REQUESTS, COMMAND_ORDERS_KEY, MessageType.COMMAND_ORDERS, body))


async def ends(database: asyncpg.Pool, ordered: CommandOrder) -> list[CompletedCommand]:
    """Return what `command.completed` tells of the order's command."""
    rows = await database.fetch(
        "SELECT events FROM outbox WHERE routing_key LIKE 'command.completed%' ORDER BY id"
    )
    told = [CompletedCommand(**event["data"]) for row in rows for event in orjson.loads(row[0])]
    return [command for command in told if command.command_id == ordered.order_id]
