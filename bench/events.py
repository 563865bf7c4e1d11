"""How long a committed event takes to a consumer of `csms.events.v1`, and to one of `GET /events`.

Each event's delay is the consumer's clock when the message arrived, less the time at which its
outbox row was written, by the database's clock, on the same machine. What its transaction does
after that, the commit for the most part, is included: an upper bound of committed to delivered.
"""

import asyncio
import time
from collections import Counter
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import aio_pika
import asyncpg
import orjson
from aio_pika.abc import AbstractIncomingMessage

from bench.driver.percentiles import in_milliseconds
from bench.driver.plan import Plan
from bench.streamed import StreamReader, streamed

EXCHANGE = "csms.events.v1"
PREFETCH = 500
# After the load; how late each was is measured, not judged here.
LAST_EVENTS_S = 30.0

# Event type -> the calls that cause exactly one each.
_ONE_FOR_EACH = {
    "csms.transaction.started.v1": "StartTransaction",
    "csms.transaction.stopped.v1": "StopTransaction",
    "csms.meter_values.received.v1": "MeterValues",
}


async def note_when_written(database_url: str) -> None:
    """Have outbox rows carry the time when they were written, not when their transaction began."""
    connection = await asyncpg.connect(database_url)
    try:
        for schema in ("session", "registry"):
            await connection.execute(
                f"ALTER TABLE {schema}.outbox ALTER COLUMN created_at SET DEFAULT clock_timestamp()"
            )
    finally:
        await connection.close()


class EventReader:
    """A bound queue and everything that arrived in it; parsed after the load, not during it."""

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url
        self.arrived: list[tuple[float, bytes]] = []

    async def __aenter__(self) -> Self:
        self._connection = await aio_pika.connect(self._url)
        channel = await self._connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.declare_queue(exclusive=True, durable=True)
        await queue.bind(EXCHANGE, "#")
        await queue.consume(self._on_message)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connection.close()

    async def _on_message(self, message: AbstractIncomingMessage) -> None:
        self.arrived.append((time.time(), message.body))
        await message.ack()


async def event_delays(
    database_url: str,
    plan: Plan,
    result: dict[str, Any],
    reader: EventReader,
    stream: StreamReader,
) -> dict[str, Any]:
    """Return the delays of the load's events; what never arrives joins `differences`."""
    give_up_at = time.monotonic() + LAST_EVENTS_S
    while True:
        committed = await committed_events(database_url, result["window"][0])
        delays = compared(committed, reader.arrived, plan.station_prefix, result)
        delays |= compared_with_stream(committed, streamed(stream.chunks), result | delays)
        if delays["differences"] == result["differences"] or time.monotonic() > give_up_at:
            return delays
        await asyncio.sleep(0.25)


def compared(
    committed: dict[str, float],
    arrived: list[tuple[float, bytes]],
    station_prefix: str,
    result: dict[str, Any],
) -> dict[str, Any]:
    """Compare what was committed and acknowledged with what arrived, and when."""
    began, ended = result["window"]
    delivered: dict[str, float] = {}
    types: Counter[str] = Counter()
    for at, body in arrived:
        for event in orjson.loads(body):
            if event["id"] not in delivered and event["subject"].startswith(station_prefix):
                types[event["type"]] += 1
            delivered.setdefault(event["id"], at)
    differences = [
        f"{types[kind]} events {kind}, {result['answered'].get(action, 0)} acknowledged"
        for kind, action in _ONE_FOR_EACH.items()
        if types[kind] != result["answered"].get(action, 0)
    ]
    if missing := sum(event_id not in delivered for event_id in committed):
        differences.append(f"{missing} committed events never arrived")
    delays = [
        delivered[event_id] - at
        for event_id, at in committed.items()
        if at <= ended and event_id in delivered
    ]
    return {
        **{f"event_{key}": value for key, value in in_milliseconds(delays).items()},
        "events": len(delays),
        "events_per_s": len(delays) / (ended - began),
        "differences": result["differences"] + differences,
    }


def compared_with_stream(
    committed: dict[str, float], came: list[tuple[float, str]], result: dict[str, Any]
) -> dict[str, Any]:
    """Compare what was committed with what was streamed, and when; that tells no event twice."""
    streamed_at = {event_id: at for at, event_id in came}
    ended = result["window"][1]
    differences = []
    if missing := sum(event_id not in streamed_at for event_id in committed):
        differences.append(f"{missing} committed events were never streamed")
    if twice := len(came) - len(streamed_at):
        differences.append(f"{twice} events were streamed twice")
    delays = [
        streamed_at[event_id] - at
        for event_id, at in committed.items()
        if at <= ended and event_id in streamed_at
    ]
    return {
        **{f"streamed_{key}": value for key, value in in_milliseconds(delays).items()},
        "differences": result["differences"] + differences,
    }


def first_arrivals(arrived: list[tuple[float, bytes]]) -> dict[str, float]:
    """Return when each event arrived first, by its id."""
    delivered: dict[str, float] = {}
    for at, body in arrived:
        for event in orjson.loads(body):
            delivered.setdefault(event["id"], at)
    return delivered


async def committed_events(
    database_url: str, since: float, station_prefix: str = ""
) -> dict[str, float]:
    """Return these stations' events of all outboxes since a time, each with its row's time."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT events, created_at FROM session.outbox WHERE created_at >= to_timestamp($1)"
            " UNION ALL"
            " SELECT events, created_at FROM registry.outbox WHERE created_at >= to_timestamp($1)",
            since,
        )
    finally:
        await connection.close()
    return {
        event["id"]: _seconds(row["created_at"])
        for row in rows
        for event in orjson.loads(row["events"])
        if event["subject"].startswith(station_prefix)
    }


def _seconds(moment: datetime) -> float:
    return moment.timestamp()
