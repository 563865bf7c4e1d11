"""States of connectors: the newest by (epoch, seq) counts, never by the station's clock.

Availabilities that were set: the command that was sent last counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from csms_shared.contracts.read_calls import Call
from station_registry.history.domain import Change, Kind

ConnectorKey = tuple[str, int]

# In these a connector serves nobody, and keeps no reservation (OCPP 1.6, 5.13).
_OUT = ("Faulted", "Unavailable")


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a station says of a connector; connector 0 is the station itself."""

    evse_id: int
    connector_id: int
    status: str
    error_code: str
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    station_time: str | None


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    """A connector as last reported; connector 0 is the station itself."""

    evse_id: int
    status: str
    error_code: str
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    station_time: str | None
    epoch: int
    seq: int
    connection_id: str
    received_ms: int

    @property
    def stamp(self) -> tuple[int, int]:
        """What orders the reports of one station."""
        return self.epoch, self.seq

    def shows(self) -> tuple[str | None, ...]:
        """Return what a person sees of it."""
        return self.status, self.error_code, self.info, self.vendor_id, self.vendor_error_code


def change_of(key: ConnectorKey, status: ConnectorStatus) -> Change:
    """Return a changed status as the station's history keeps it."""
    station_id, connector_id = key
    return Change(
        kind=Kind.CONNECTOR_STATUS,
        station_id=station_id,
        received_ms=status.received_ms,
        status=status.status,
        connection_id=status.connection_id,
        epoch=status.epoch,
        evse_id=status.evse_id,
        connector_id=connector_id,
        error_code=status.error_code,
        info=status.info,
        vendor_id=status.vendor_id,
        vendor_error_code=status.vendor_error_code,
        station_time=status.station_time,
    )


@dataclass(frozen=True, slots=True)
class StatusDecision:
    """The newest status of each connector that changed hands, and every change on the way.

    `out_of_service`: those changes after which a connector no longer serves anybody. `added`: the
    first word of each connector; connector 0 is the station.
    """

    newest: dict[ConnectorKey, ConnectorStatus]
    changes: list[tuple[ConnectorKey, ConnectorStatus]]
    out_of_service: list[tuple[ConnectorKey, ConnectorStatus]]
    added: list[tuple[ConnectorKey, ConnectorStatus]]


def connector_status(call: Call[StatusReport]) -> tuple[ConnectorKey, ConnectorStatus]:
    """Return the connector that a station reported, and how it is."""
    report = call.value
    return (call.station_id, report.connector_id), ConnectorStatus(
        evse_id=report.evse_id,
        status=report.status,
        error_code=report.error_code,
        info=report.info,
        vendor_id=report.vendor_id,
        vendor_error_code=report.vendor_error_code,
        station_time=report.station_time,
        epoch=call.epoch,
        seq=call.seq,
        connection_id=call.connection_id,
        received_ms=call.received_ms,
    )


def decide_statuses(
    known: Mapping[ConnectorKey, ConnectorStatus],
    reported: Iterable[tuple[ConnectorKey, ConnectorStatus]],
) -> StatusDecision:
    """Fold reports in whatever order they came, duplicates included."""
    newest: dict[ConnectorKey, ConnectorStatus] = {}
    changes: list[tuple[ConnectorKey, ConnectorStatus]] = []
    out_of_service: list[tuple[ConnectorKey, ConnectorStatus]] = []
    for key, status in sorted(reported, key=lambda report: (report[0], report[1].stamp)):
        before = newest.get(key) or known.get(key)
        if before is not None and status.stamp <= before.stamp:
            continue
        if before is None or before.shows() != status.shows():
            changes.append((key, status))
            if status.status in _OUT and (before is None or before.status not in _OUT):
                out_of_service.append((key, status))
        newest[key] = status
    added = [(key, status) for key, status in newest.items() if key not in known and key[1] > 0]
    return StatusDecision(newest, changes, out_of_service, added)


@dataclass(frozen=True, slots=True)
class SetAvailability:
    """What a station took of a command: the availability of a connector, or by 0 of all.

    `scheduled`: the station answered that it follows when a transaction has ended.
    """

    station_id: str
    connector_id: int
    availability: str
    scheduled: bool
    sent_at: datetime
    command_id: UUID

    @property
    def key(self) -> ConnectorKey:
        """Which connector."""
        return self.station_id, self.connector_id

    @property
    def order(self) -> tuple[datetime, UUID]:
        """What orders the commands of one station."""
        return self.sent_at, self.command_id


def newest_set(ends: Iterable[SetAvailability]) -> dict[ConnectorKey, SetAvailability]:
    """Return what was set last of each connector, in whatever order the ends came."""
    return {end.key: end for end in sorted(ends, key=lambda end: end.order)}


def availability_of(
    known: Mapping[ConnectorKey, SetAvailability], station_id: str, connector_id: int
) -> SetAvailability | None:
    """Return what holds for a connector: set for it, or later for the whole station (1.6, 5.2)."""
    keys = ((station_id, connector_id), (station_id, 0))
    found = [known[key] for key in keys if key in known]
    return max(found, key=lambda each: each.order, default=None)
