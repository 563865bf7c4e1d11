"""Stops and meter values: reports, answered before they come here.

Both are recorded by one function, because a batch of them is one transaction with one order of
locks: meter values by their keys, transactions by id, stops, the outbox, then live figures.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.outbox import write_events
from csms_shared.values.tenant_keys import key_in_tenant
from session_service.database.service_tables import outbox
from session_service.handling.events import Event
from session_service.metering.domain import MeterCall
from session_service.metering.store import SampleKey, StoredSample, add_meter_values
from session_service.tokens.store.tokens import read_tokens
from session_service.transactions.domain.matching import Candidates, transaction_of_stop
from session_service.transactions.domain.measured import tells_of_a_session
from session_service.transactions.domain.stops import Named, Stop, Transaction, decide_stop
from session_service.transactions.handlers.events import meter_values_received, values_late
from session_service.transactions.handlers.live_figures import (
    LiveChanges,
    keep_live,
    live_changes,
)
from session_service.transactions.handlers.meter_values import (
    sample_keys,
    stored_samples,
    suspicions,
)
from session_service.transactions.handlers.told_ends import told_of_end
from session_service.transactions.store.transactions import (
    add_stops,
    lock_transactions,
    update_transactions,
)

# A row of the outbox holds at most so many of these, which is about 200 KiB.
_METER_EVENTS_PER_ROW = 200


@dataclass(slots=True)
class Matches:
    """Reports and the transactions that they were found to belong to."""

    stops: list[tuple[Stop, Transaction]] = field(default_factory=list)
    reports: list[tuple[MeterCall, Transaction | None]] = field(default_factory=list)


@dataclass(slots=True)
class Recorded:
    """What is left to be written of reports that are stored: events, and live figures."""

    events: list[Event]
    live: LiveChanges


async def record_matches(connection: AsyncConnection, matches: Matches) -> None:
    """Store reports whose transactions are known, and tell of what is new in them."""
    await tell(connection, await record(connection, matches))


async def record(connection: AsyncConnection, matches: Matches) -> Recorded:
    """Store reports whose transactions are known, but for what `tell` writes."""
    rows = [
        row
        for meter, transaction in matches.reports
        for row in stored_samples(meter.report, None if transaction is None else transaction.id)
    ]
    rows += [row for stop, transaction in matches.stops for row in _stop_rows(stop, transaction)]
    # Most of the work before any lock: the next start of the connector waits for these.
    new = await add_meter_values(connection, rows)
    suspects = _suspicions(matches)
    wanted = {transaction.id for _, transaction in matches.stops} | suspects.keys()
    locked = await lock_transactions(connection, wanted)
    groups = await _token_groups(connection, matches)
    after, stops = _decide(matches, locked, suspects, groups)
    events: list[Event] = []
    told: set[int] = set()
    for row_id in sorted(stops):
        event = told_of_end(locked[row_id], after[row_id], stops[row_id])
        if event is not None:
            events.append(event)
            told.add(row_id)
    await update_transactions(
        connection, [row for row_id, row in after.items() if row != locked[row_id]], told
    )
    await add_stops(connection, [(transaction.id, stop) for stop, transaction in matches.stops])
    events += _values_late(matches, locked, told, set(new))
    events += _values_received(matches, set(new))
    return Recorded(events, live_changes(matches.reports, locked, after))


async def tell(connection: AsyncConnection, recorded: Recorded) -> None:
    """Write the events of reports and, last of all, what is live of their transactions."""
    await _tell_in_rows(connection, recorded.events)
    await _tell_in_rows(connection, await keep_live(connection, recorded.live))


def _values_late(
    matches: Matches, locked: Mapping[int, Transaction], told: Set[int], new: set[SampleKey]
) -> list[Event]:
    """Tell of new values of transactions that had ended before, and whose end is not told anew.

    What else comes at once with an end, or before it is known here, comes with that.
    """
    of: dict[int, Transaction] = {}
    late: dict[int, set[SampleKey]] = {}
    reports = [(one.report.samples, transaction) for one, transaction in matches.reports]
    for samples, transaction in [*reports, *((one.samples, at) for one, at in matches.stops)]:
        before = None if transaction is None else locked.get(transaction.id, transaction)
        if before is None or before.end is None or before.id in told:
            continue
        keys = new & set(sample_keys([one for one in samples if tells_of_a_session(one)]))
        if keys:
            of[before.id] = before
            late.setdefault(before.id, set()).update(keys)
    return [values_late(of[row_id], late[row_id]) for row_id in sorted(late)]


def _values_received(matches: Matches, untold: set[SampleKey]) -> list[Event]:
    """Tell of the calls with values that are new; a copy of a call brings nothing new."""
    events = []
    for meter, transaction in matches.reports:
        keys = sample_keys(meter.report.samples)
        if untold.isdisjoint(keys):
            continue
        untold.difference_update(keys)
        events.append(meter_values_received(meter.report, transaction, meter.meter_values))
    return events


def match_stop(
    stop: Stop,
    known: Mapping[Named, Transaction],
    candidates: dict[str, Candidates],
    matches: Matches,
) -> Transaction | None:
    """Add a stop to the matches where its transaction is found; return that.

    To be called in the order of stamps, and before values are placed: what a stop ended is kept in
    `candidates`, so that the next one is not taken for another of the same session.
    """
    of_station = candidates.get(stop.station_id)
    found = known.get(stop.named)
    if found is None and of_station is not None:
        found = transaction_of_stop(of_station, stop)
    if found is None:
        return None
    matches.stops.append((stop, found))
    if of_station is not None:
        candidates[stop.station_id] = of_station.with_end(of_station.find(found), stop)
    return found


def _suspicions(matches: Matches) -> dict[int, frozenset[str]]:
    suspects: dict[int, frozenset[str]] = {}
    for meter, transaction in matches.reports:
        if transaction is None:
            continue
        flags = suspicions(meter.report, transaction)
        if flags:
            suspects[transaction.id] = suspects.get(transaction.id, frozenset()) | flags
    return suspects


def _decide(
    matches: Matches,
    locked: dict[int, Transaction],
    suspects: dict[int, frozenset[str]],
    groups: dict[str, str | None],
) -> tuple[dict[int, Transaction], dict[int, Stop]]:
    """Return the transactions afterwards, and the stops that became the best of theirs."""
    after = dict(locked)
    best: dict[int, Stop] = {}
    for row_id, flags in suspects.items():
        after[row_id] = replace(after[row_id], flags=after[row_id].flags | flags)
    for stop, matched in sorted(matches.stops, key=lambda pair: pair[0].stamp):
        before = after[matched.id]
        after[matched.id] = decide_stop(before, stop, groups)
        if after[matched.id].stop_stamp != before.stop_stamp:
            best[matched.id] = stop
    return after, best


async def _token_groups(connection: AsyncConnection, matches: Matches) -> dict[str, str | None]:
    """Return the groups of tokens that stopped what another token had started.

    Those of the transaction's tenant: whoever has the station now may have the same token.
    """
    foreign = {
        key_in_tenant(transaction.tenant_id, stop.token_key)
        for stop, transaction in matches.stops
        if stop.token_key and stop.token_key != transaction.token_key
    }
    tokens = await read_tokens(connection, foreign)
    return {key: token.group_id for key, token in tokens.items()}


def _stop_rows(stop: Stop, transaction: Transaction) -> list[StoredSample]:
    received_ms = int(stop.received_at.timestamp() * 1000)
    return [
        StoredSample(sample, stop.station_id, transaction.connector_id, transaction.id, received_ms)
        for sample in stop.samples
    ]


async def _tell_in_rows(connection: AsyncConnection, events: Sequence[Event]) -> None:
    """Tell of reports, in rows of the outbox that are not too long."""
    for first in range(0, len(events), _METER_EVENTS_PER_ROW):
        await write_events(connection, outbox, events[first : first + _METER_EVENTS_PER_ROW])
