"""I1 and I2: every acknowledged call has its effect once, and each station's sessions add up."""

import asyncio
import itertools
from collections import defaultdict

import asyncpg
import httpx

from csms_simulator.check import Difference, Fault, ReportedTransaction, compare, read_transaction
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.wire import Payload, timestamp_text
from tests.faults.faulty_suite import FaultySuite
from tests.faults.violations import Violation

_POLL_S = 1.0
_SHOWN = 20
_METER_VALUES = """
    SELECT transaction_id, sampled_at, measurand, phase, context, location, unit, raw
    FROM session.meter_value WHERE station_id = ANY($1)
"""
_OPEN_QUARANTINE = """
    SELECT station_id, kind, reason FROM session.quarantine
    WHERE station_id = ANY($1) AND status = 'open'
"""

Stored = list[ReportedTransaction]


async def check_sessions(
    suite: FaultySuite, operator: Operator, ledger: Ledger, within: float
) -> tuple[Stored, list[Violation]]:
    """Compare until nothing differs or the time is up: reports are answered before stored."""
    deadline = asyncio.get_running_loop().time() + within
    stored: Stored = []
    while True:
        try:
            stored = await stored_transactions(suite, operator, ledger)
            differences = compare(ledger, stored)
        except httpx.HTTPError as failure:
            differences = [Difference(Fault.UNREACHABLE, "REST", repr(failure))]
        if not differences or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(_POLL_S)
    violations = [Violation("I1", str(difference)) for difference in differences[:_SHOWN]]
    violations += timeline_violations(stored)
    violations += [
        Violation("I2", f"{one.station_id} discarded {one.action}: {one.reason}")
        for one in ledger.discarded
    ]
    return stored, violations + await _quarantined(suite, ledger)


async def stored_transactions(suite: FaultySuite, operator: Operator, ledger: Ledger) -> Stored:
    """Read the transactions of the ledger's stations, and every meter value of each."""
    station_ids = sorted(ledger.station_ids)
    async with suite.database() as database:
        rows = await database.fetch(_METER_VALUES, station_ids)
    values: defaultdict[int | None, list[Payload]] = defaultdict(list)
    for row in rows:
        values[row["transaction_id"]].append(_as_rest_tells(row))
    pages = await asyncio.gather(
        *(operator.items("/transactions", station_id=station_id) for station_id in station_ids)
    )
    return [
        read_transaction(item, values[item["transaction_id"]]) for page in pages for item in page
    ]


def kilowatt_hours(stored: Stored) -> float:
    """Add up the energy of transactions."""
    return sum(transaction.energy_wh or 0 for transaction in stored) / 1000


def _as_rest_tells(row: asyncpg.Record) -> Payload:
    return {
        "timestamp": timestamp_text(row["sampled_at"]),
        "value": None,
        **{name: row[name] for name in ("measurand", "phase", "context", "location", "unit")},
        "raw": row["raw"],
    }


def timeline_violations(stored: Stored) -> list[Violation]:
    """Find transactions without an end, and meters that went backwards between two of them."""
    violations = [
        Violation("I2", f"transaction {one.transaction_id} of {one.key[0]} is {one.status}")
        for one in stored
        if one.status != "completed"
    ]
    by_connector: defaultdict[tuple[str, int], Stored] = defaultdict(list)
    for transaction in stored:
        by_connector[transaction.key[:2]].append(transaction)
    for (station_id, connector_id), timeline in by_connector.items():
        timeline.sort(key=lambda transaction: transaction.key[3])
        for before, after in itertools.pairwise(timeline):
            if before.meter_stop != after.key[4]:
                text = (
                    f"{station_id}/{connector_id}: transaction {before.transaction_id} ended at "
                    f"{before.meter_stop} Wh, {after.transaction_id} began at {after.key[4]} Wh"
                )
                violations.append(Violation("I2", text))
    return violations


async def _quarantined(suite: FaultySuite, ledger: Ledger) -> list[Violation]:
    async with suite.database() as database:
        rows = await database.fetch(_OPEN_QUARANTINE, sorted(ledger.station_ids))
    return [
        Violation("I2", f"in quarantine: {row['kind']} of {row['station_id']}: {row['reason']}")
        for row in rows
    ]
