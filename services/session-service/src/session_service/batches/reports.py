"""A batch of the reports queue: stops, meter values, and events that session-service follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import (
    CONNECTOR_ADDED_KEY,
    CONNECTOR_OUT_OF_SERVICE_KEY,
    STATION_CONNECTED_KEY,
)
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.contracts.message_types import MessageType
from csms_shared.service.completed_commands import apply_completed
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.times import read_moment
from session_service.batches.works import answer_probes, events_of, routed_calls
from session_service.local_lists.handlers.synchronizing import stations_connected
from session_service.metering.domain import MeterCall, MeterReport
from session_service.quarantine.handlers.events import quarantine_added
from session_service.quarantine.handlers.unmatched import unmatched_meter_values, unmatched_stop
from session_service.quarantine.store.items import Unmatched, add_unmatched
from session_service.reservations.domain import Outage
from session_service.reservations.handlers.judging import connectors_out_of_service
from session_service.routes import COMPLETED_COMMANDS, MeterValuesRoute, StopRoute
from session_service.transactions.domain.matching import Candidates
from session_service.transactions.domain.starts import Place
from session_service.transactions.domain.stops import Named, Stop, Transaction
from session_service.transactions.handlers.meter_values import place_report
from session_service.transactions.handlers.reports import (
    Matches,
    match_stop,
    record,
    tell_in_rows,
)
from session_service.transactions.store.starts import add_connectors
from session_service.transactions.store.transactions import read_candidates, read_named

_CONNECTED = event_type(STATION_CONNECTED_KEY)
_ADDED = event_type(CONNECTOR_ADDED_KEY)
_OUT_OF_SERVICE = event_type(CONNECTOR_OUT_OF_SERVICE_KEY)


@dataclass(frozen=True, slots=True)
class StopCall:
    """A stop with the payload that it was read from."""

    stop: Stop
    payload: dict[str, Any]


async def apply_reports(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Store a batch of the reports queue in its transaction; nobody waits for an answer.

    Connectors come first, whose locks come before those of transactions, and ends of commands
    last, so that their handlers take their locks after all others.
    """
    events = [work for work in works if work.type == MessageType.EVENTS]
    calls = routed_calls(
        [work for work in works if work.type != MessageType.EVENTS], (StopRoute, MeterValuesRoute)
    )
    added = dict(_added(event) for event in events_of(events, _ADDED))
    if added:
        await add_connectors(connection, added)
    await take_reports(
        connection,
        [StopCall(to.read(call), call.payload) for call, to in calls if isinstance(to, StopRoute)],
        [to.read(call) for call, to in calls if isinstance(to, MeterValuesRoute)],
    )
    await apply_completed(connection, events, COMPLETED_COMMANDS)
    connections = [
        (event.subject, read_moment(event.time)) for event in events_of(events, _CONNECTED)
    ]
    if connections:
        await stations_connected(connection, connections)
    outages = [(event.subject, _outage(event)) for event in events_of(events, _OUT_OF_SERVICE)]
    if outages:
        await connectors_out_of_service(connection, outages)
    return await answer_probes(connection, works)


async def take_reports(
    connection: AsyncConnection, stops: Sequence[StopCall], meters: Sequence[MeterCall]
) -> None:
    """Store a batch of stops and meter values; what fits nowhere goes into quarantine."""
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
    events = await record(connection, matches)
    events += [quarantine_added(item) for item in await add_unmatched(connection, unmatched)]
    await tell_in_rows(connection, events)


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


def _added(event: CloudEvent) -> tuple[Place, int]:
    """Return a new connector and its EVSE, which registries of the version before do not name."""
    connector_id = int(event.data["connector_id"])
    return (event.subject, connector_id), int(event.data.get("evse_id", connector_id))


def _outage(event: CloudEvent) -> Outage:
    at = read_moment(event.time)
    return Outage(int(event.data["connector_id"]), at, str(event.data["status"]).lower())
