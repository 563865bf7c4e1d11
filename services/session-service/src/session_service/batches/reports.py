"""The stops and meter values of a batch of the reports queue."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.read_calls import Call
from session_service.metering.domain import MeterCall, MeterReport
from session_service.quarantine.handlers.events import quarantine_added
from session_service.quarantine.handlers.unmatched import unmatched_meter_values, unmatched_stop
from session_service.quarantine.store.items import Unmatched, add_unmatched
from session_service.transactions.domain.matching import Candidates
from session_service.transactions.domain.stops import Named, Stop, StopCall, Transaction
from session_service.transactions.handlers.meter_values import place_report
from session_service.transactions.handlers.reports import (
    Matches,
    match_stop,
    record,
    tell,
)
from session_service.transactions.store.transactions import read_candidates, read_named


async def take_reports(
    connection: AsyncConnection, calls: Sequence[Call[StopCall | MeterCall]]
) -> None:
    """Store a batch of stops and meter values; what fits nowhere goes into quarantine."""
    stops = [call.value for call in calls if isinstance(call.value, StopCall)]
    meters = [call.value for call in calls if isinstance(call.value, MeterCall)]
    named = {stop.stop.named for stop in stops}
    named.update(name for meter in meters if (name := meter.report.named) is not None)
    known = await read_named(connection, named)
    said: list[Stop | MeterReport] = [item.stop for item in stops if item.stop.named not in known]
    said += [
        meter.report for meter in meters if meter.report.samples and meter.report.named not in known
    ]
    # Each by its own stamp: where reports were waiting, a batch has those of many sessions.
    sent = {(report.station_id, report.stamp) for report in said}
    candidates = await read_candidates(connection, sent)
    matches, unmatched = _match(stops, meters, known, candidates)
    recorded = await record(connection, matches)
    added = await add_unmatched(connection, unmatched)
    recorded.events += [quarantine_added(item) for item in added]
    await tell(connection, recorded)


def _match(
    stops: Sequence[StopCall],
    meters: Sequence[MeterCall],
    known: dict[Named, Transaction],
    candidates: dict[str, Candidates],
) -> tuple[Matches, list[Unmatched]]:
    matches = Matches()
    unmatched = [
        unmatched_stop(item.stop, item.payload)
        for item in sorted(stops, key=lambda item: item.stop.stamp)
        if match_stop(item.stop, known, candidates, matches) is None
    ]
    for meter in meters:
        report = meter.report
        if not report.samples:
            continue
        place = place_report(report, known, candidates.get(report.station_id, Candidates()))
        # Without an id they may be nobody's: clock-aligned values of the connector itself.
        if place is None and report.named is not None:
            unmatched.append(unmatched_meter_values(meter))
        else:
            matches.reports.append((meter, place))
    return matches, unmatched
