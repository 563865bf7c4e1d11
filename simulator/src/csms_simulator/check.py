"""Compares a ledger with what the suite reports through REST."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import httpx

from csms_simulator.ledger import Ledger, PromisedTransaction, Sample, StartKey, sample
from csms_simulator.operator import Operator
from csms_simulator.wire import Payload, read_timestamp, timestamp_text

POLL_INTERVAL = 0.5


class Fault(StrEnum):
    """How a record can differ from the promise."""

    LOST = "lost"
    DOUBLED = "doubled"
    WRONG = "wrong"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Difference:
    """One promise that was not kept."""

    fault: Fault
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.fault}: {self.subject}: {self.detail}"


@dataclass(frozen=True, slots=True)
class ReportedTransaction:
    """A transaction as REST tells it, with its meter values."""

    transaction_id: int
    key: StartKey
    status: str
    meter_stop: int | None
    stopped_at: datetime | None
    energy_wh: float | None
    samples: Counter[Sample]


async def settled_differences(
    operator: Operator,
    ledger: Ledger,
    within: float = 30.0,
    since: datetime | None = None,
) -> list[Difference]:
    """Compare until nothing differs or the time is up: reports are acknowledged before stored.

    Transactions that started before `since` belong to an earlier run and are left out, unless the
    ledger's own stations have started them: then they were told later than they happened.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            differences = compare(ledger, await reported_transactions(operator, ledger, since))
        except httpx.HTTPError as failure:
            differences = [Difference(Fault.UNREACHABLE, "REST", repr(failure))]
        if not differences or time.monotonic() > deadline:
            return differences
        await asyncio.sleep(POLL_INTERVAL)


async def reported_transactions(
    operator: Operator, ledger: Ledger, since: datetime | None = None
) -> list[ReportedTransaction]:
    """Read every transaction of the ledger's stations."""
    window = {}
    if since is not None:
        earliest = min([since, *(key[3] for key in ledger.starts_sent)])
        window = {"from": timestamp_text(earliest)}
    reported = []
    for station_id in sorted(ledger.station_ids):
        for item in await operator.items("/transactions", station_id=station_id, **window):
            key = start_key_of(item)
            if since is not None and key[3] < since and key not in ledger.starts_sent:
                continue
            meter_values = await operator.items(
                f"/transactions/{item['transaction_id']}/meter-values"
            )
            reported.append(read_transaction(item, meter_values))
    return reported


def compare(ledger: Ledger, reported: list[ReportedTransaction]) -> list[Difference]:
    """List where the reported transactions differ from the promises."""
    differences = [Difference(Fault.WRONG, "answers", text) for text in ledger.contradictions]
    by_id = {transaction.transaction_id: transaction for transaction in reported}
    for key, count in Counter(transaction.key for transaction in reported).items():
        if count > 1:
            differences.append(Difference(Fault.DOUBLED, _name(key), f"{count} transactions"))
        if key not in ledger.starts_sent:
            differences.append(Difference(Fault.WRONG, _name(key), "no station started this"))
    for transaction_id, count in Counter(t.transaction_id for t in reported).items():
        if count > 1:
            differences.append(
                Difference(Fault.DOUBLED, f"transaction {transaction_id}", f"listed {count} times")
            )
    for promised in ledger.transactions.values():
        found = by_id.get(promised.transaction_id)
        if found is None:
            differences.append(
                Difference(
                    Fault.LOST, f"transaction {promised.transaction_id}", _name(promised.key)
                )
            )
        else:
            differences.extend(_compare_transaction(promised, found))
    return differences


def _compare_transaction(
    promised: PromisedTransaction, found: ReportedTransaction
) -> list[Difference]:
    subject = f"transaction {promised.transaction_id} of {promised.station_id}"
    differences = []
    if found.key != promised.key:
        differences.append(
            Difference(Fault.WRONG, subject, f"{_name(found.key)} for {_name(promised.key)}")
        )
    if promised.stopped:
        differences.extend(_compare_stop(subject, promised, found))
    elif found.meter_stop is not None and not promised.stops_sent:
        differences.append(Difference(Fault.WRONG, subject, "stopped without a stop"))
    differences += [
        Difference(Fault.LOST, subject, str(lost))
        for lost in promised.samples - found.samples.keys()
    ]
    for value, count in found.samples.items():
        if count > 1:
            differences.append(Difference(Fault.DOUBLED, subject, f"{count} times {value}"))
        if value not in promised.samples and value not in promised.samples_unacknowledged:
            differences.append(Difference(Fault.WRONG, subject, f"never sent {value}"))
    return differences


def _compare_stop(
    subject: str, promised: PromisedTransaction, found: ReportedTransaction
) -> list[Difference]:
    if found.status != "completed" or found.meter_stop is None:
        return [Difference(Fault.LOST, subject, f"its stop: it is {found.status}")]
    differences = []
    if all(
        (found.meter_stop, found.stopped_at) != (stop.meter_stop, stop.stopped_at)
        for stop in promised.stops_sent
    ):
        differences.append(
            Difference(
                Fault.WRONG, subject, f"stop {found.meter_stop} Wh at {found.stopped_at} never sent"
            )
        )
    meter_start = promised.key[4]
    if found.energy_wh != found.meter_stop - meter_start:
        differences.append(Difference(Fault.WRONG, subject, f"energy {found.energy_wh} Wh"))
    return differences


def read_transaction(item: Payload, meter_values: list[Payload]) -> ReportedTransaction:
    """Read a transaction of REST and its meter values, in the words that REST uses for both."""
    return ReportedTransaction(
        transaction_id=item["transaction_id"],
        key=start_key_of(item),
        status=item["status"],
        meter_stop=None if item["meter_stop"] is None else int(item["meter_stop"]),
        stopped_at=read_timestamp(item["stopped_at"]) if item["stopped_at"] else None,
        energy_wh=None if item["energy_wh"] is None else float(item["energy_wh"]),
        samples=Counter(
            sample(read_timestamp(value["timestamp"]), {**value, "value": _sent_value(value)})
            for value in meter_values
        ),
    )


def start_key_of(item: Payload) -> StartKey:
    """Tell what made the start of a transaction of REST unique."""
    return (
        item["station_id"],
        item["connector_id"],
        item["id_token"].casefold(),
        read_timestamp(item["started_at"]),
        int(item["meter_start"]),
    )


def _sent_value(value: Payload) -> object:
    """The reported number, or the text as sent where it is none."""
    return value["raw"] if value["value"] is None else value["value"]


def _name(key: StartKey) -> str:
    station_id, connector_id, id_token, started_at, meter_start = key
    return f"{station_id}/{connector_id} {id_token} {timestamp_text(started_at)} {meter_start} Wh"
