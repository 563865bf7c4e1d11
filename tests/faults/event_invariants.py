"""I9: all that happened was stored once and told to whoever follows, each fact under one id."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from csms_shared.values.tenants import DEFAULT_TENANT
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from tests.faults.event_orders import (
    key_of,
    not_as_stored,
    not_stored_once,
    not_told_publicly,
    stored_out_of_order,
    told_out_of_order,
)
from tests.faults.event_stream import EventStream, Told, read_history
from tests.faults.event_tap import EventKey, EventTap, keys_of
from tests.faults.faulty_suite import SCHEMAS, FaultySuite
from tests.faults.stored_events import stored_after
from tests.faults.violations import Violation

_POLL_S = 0.5
_SHOWN = 10

Value = TypeVar("Value")


@dataclass(slots=True)
class EventsSince:
    """Where a scenario began, and who follows events from there on.

    `tap_may_refuse`: its queue may lose its leader, and what it refuses comes out of order.
    """

    time: datetime
    position: int
    operator: Operator
    streams: list[EventStream] = field(default_factory=list)
    tap_may_refuse: bool = False


async def check_events(
    suite: FaultySuite, ledger: Ledger, since: EventsSince, within: float
) -> tuple[int, list[Violation]]:
    """Wait until all that was committed since is told everywhere; return how many events it is."""
    deadline = asyncio.get_running_loop().time() + within
    committed, until = await _committed(suite, since.time)
    waiting = await _last(
        lambda: _waiting(suite, since.time, until), lambda count: not count, deadline
    )
    stored = await _last(
        lambda: stored_after(suite, since.position),
        lambda told: committed <= {key_of(event) for _, event in told},
        deadline,
    )
    await _last(lambda: _untold(suite, since, stored), lambda behind: not behind, deadline)
    violations = not_stored_once(committed, stored, since.position)
    if waiting:
        violations.append(Violation("I9", f"{waiting} rows wait in an outbox"))
    violations += stored_out_of_order(stored)
    violations += not_told_publicly(suite.tap, stored)
    if not since.tap_may_refuse:
        violations += told_out_of_order(suite.tap, since.position)
    violations += await _read_otherwise(since, stored, within)
    return len(committed), violations + missing_facts(suite.tap, ledger)


async def _read_otherwise(since: EventsSince, stored: list[Told], within: float) -> list[Violation]:
    """Hold the streams and the history against the store, up to the last that is in `stored`."""
    own = [one for one in stored if one[1]["tenantid"] == DEFAULT_TENANT]
    history = await read_history(since.operator, since.position, within)
    violations = not_as_stored("history", history[: len(own)], own)
    for number, stream in enumerate(since.streams, start=1):
        told = stream.told[: len(own)]
        violations += not_as_stored(f"stream {number}", told, own)
        if stream.refusal is not None:
            violations.append(Violation("I9", f"stream {number} was refused: {stream.refusal}"))
    return violations


async def _last(
    read: Callable[[], Awaitable[Value]], holds: Callable[[Value], bool], deadline: float
) -> Value:
    """Read until it holds, or for so long; return what was read last."""
    while True:
        value = await read()
        if holds(value) or asyncio.get_running_loop().time() > deadline:
            return value
        await asyncio.sleep(_POLL_S)


async def _committed(suite: FaultySuite, since: datetime) -> tuple[set[EventKey], datetime]:
    """Return the keys of all events that were committed since, and up to when."""
    keys: set[EventKey] = set()
    async with suite.database() as database:
        until = await database.fetchval("SELECT now()")
        for schema in SCHEMAS:
            rows = await database.fetch(
                f"SELECT events FROM {schema}.outbox WHERE created_at >= $1", since
            )
            for row in rows:
                keys |= keys_of(row["events"])
    return keys, until


async def _waiting(suite: FaultySuite, since: datetime, until: datetime) -> int:
    """Return how many rows wait to be stored, or to be told to somebody."""
    waiting = 0
    async with suite.database() as database:
        for schema in SCHEMAS:
            waiting += await database.fetchval(
                f"SELECT count(*) FROM {schema}.outbox WHERE created_at BETWEEN $1 AND $2 "
                "AND (published_at IS NULL OR stored_at IS NULL)",
                since,
                until,
            )
            waiting += await database.fetchval(f"SELECT count(*) FROM {schema}.outbox_deferred")
        # What a subscriber's queue did not take, such as the tap's own without a leader.
        waiting += await database.fetchval("SELECT count(*) FROM integration.public_deferred")
    return int(waiting)


async def _untold(suite: FaultySuite, since: EventsSince, stored: Sequence[Told]) -> list[str]:
    """Return who has not been told all of these yet."""
    newest = stored[-1][0] if stored else 0
    followed = [one for one in since.streams if one.refusal is None]
    behind = [f"stream at {one.position}" for one in followed if one.position < newest]
    if not {key_of(event) for _, event in stored} <= suite.tap.events.keys():
        behind.append("tap")
    return behind


def missing_facts(tap: EventTap, ledger: Ledger) -> list[Violation]:
    """Hold what was told against what the stations were promised."""
    violations: list[Violation] = []
    own = [
        transaction_id
        for transaction_id, promised in ledger.transactions.items()
        if promised.stopped
    ]
    for name, wanted in (
        ("transaction.started", list(ledger.transactions)),
        ("transaction.stopped", own),
    ):
        told = Counter(event["data"]["transaction_id"] for event in tap.of_type(name))
        violations += [
            Violation("I9", f"{name} of {transaction_id} was told under {told[transaction_id]} ids")
            for transaction_id in wanted
            if told[transaction_id] != 1
        ]
    return violations + _meter_values(tap, ledger)


def _meter_values(tap: EventTap, ledger: Ledger) -> list[Violation]:
    # By their times as they were sent, which need not be readable.
    told: Counter[tuple[int, str]] = Counter()
    for event in tap.of_type("meter_values.received"):
        told.update(_moments(event["data"]))
    promised = {
        (call.payload["transactionId"], value["timestamp"])
        for call in ledger.calls
        if call.action == "MeterValues"
        for value in call.payload["meterValue"]
    }
    return [
        Violation("I9", f"meter values of {moment} were told under {told[moment]} ids")
        for moment in sorted(promised)
        if told[moment] != 1
    ][:_SHOWN]


def _moments(data: dict[str, Any]) -> list[tuple[int, str]]:
    return [(data["transaction_id"], value["timestamp"]) for value in data["meter_values"]]
