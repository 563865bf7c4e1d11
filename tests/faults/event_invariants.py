"""I9: all that happened was stored once and told on `csms.events.v1`, each fact under one id."""

import asyncio
from collections import Counter
from datetime import datetime
from typing import Any

import orjson

from csms_simulator.ledger import Ledger
from tests.faults.event_tap import EventKey, EventTap, keys_of
from tests.faults.faulty_suite import SCHEMAS, FaultySuite
from tests.faults.violations import Violation

_POLL_S = 0.5
_SHOWN = 10


async def check_events(
    suite: FaultySuite, ledger: Ledger, since: datetime, within: float
) -> tuple[int, list[Violation]]:
    """Wait until all that was committed since has been told; return how many events there are."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        committed, waiting = await _committed(suite, since)
        untold = committed - suite.tap.events.keys()
        if (
            not (untold or waiting or committed - (await _stored(suite, since)).keys())
            or asyncio.get_running_loop().time() > deadline
        ):
            break
        await asyncio.sleep(_POLL_S)
    violations = [
        Violation("I9", f"committed and not told: {key}") for key in list(untold)[:_SHOWN]
    ]
    violations += not_stored_once(committed, await _stored(suite, since))
    if waiting:
        violations.append(Violation("I9", f"{waiting} rows wait in an outbox"))
    return len(committed), violations + missing_facts(suite.tap, ledger)


async def _committed(suite: FaultySuite, since: datetime) -> tuple[set[EventKey], int]:
    """Return the keys of all events that were committed, and how many rows wait to be told."""
    keys: set[EventKey] = set()
    waiting = 0
    async with suite.database() as database:
        for schema in SCHEMAS:
            rows = await database.fetch(
                "SELECT events, published_at IS NULL OR stored_at IS NULL AS waits "
                f"FROM {schema}.outbox WHERE created_at >= $1",
                since,
            )
            waiting += await database.fetchval(f"SELECT count(*) FROM {schema}.outbox_deferred")
            for row in rows:
                waiting += row["waits"]
                keys |= keys_of(row["events"])
        # What a subscriber's queue did not take, such as the tap's own without a leader.
        waiting += await database.fetchval("SELECT count(*) FROM integration.public_deferred")
    return keys, waiting


async def _stored(suite: FaultySuite, since: datetime) -> Counter[EventKey]:
    """Return how often the event store has each event that was stored since."""
    async with suite.database() as database:
        rows = await database.fetch(
            "SELECT events FROM integration.event_segment WHERE stored_at >= $1", since
        )
    # A line of each event, which ends with its JSON.
    lines = (line for row in rows for line in row["events"].split(b"\n"))
    events = (orjson.loads(line.rpartition(b"\t")[2]) for line in lines)
    return Counter((event["source"], event["id"]) for event in events)


def not_stored_once(committed: set[EventKey], stored: Counter[EventKey]) -> list[Violation]:
    """Hold what the event store has against what was committed."""
    missing = [
        Violation("I9", f"committed and not stored: {key}")
        for key in sorted(committed - stored.keys())
    ]
    repeated = [
        Violation("I9", f"stored {times} times: {key}")
        for key, times in stored.items()
        if times > 1
    ]
    return missing[:_SHOWN] + repeated[:_SHOWN]


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
