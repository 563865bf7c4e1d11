"""Changes of presence and of connector status, as they are kept."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from csms_shared.values.station_clocks import ClockFlag, clock_flag
from csms_shared.values.times import parse_time


class Kind(StrEnum):
    """What has changed."""

    PRESENCE = "presence"
    CONNECTOR_STATUS = "connector_status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a station; `received_ms` is when the suite heard of it.

    Of presence, `status` is online or offline. Of a connector, `status` is what the station said,
    and `station_time` its own time as it wrote it.
    """

    kind: Kind
    station_id: str
    received_ms: int
    status: str
    connection_id: str
    epoch: int
    reason: str | None = None
    gateway_id: str | None = None
    evse_id: int | None = None
    connector_id: int | None = None
    error_code: str | None = None
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None
    station_time: str | None = None


class ToldTime(NamedTuple):
    """What can be read of a station's time: `flag` where its clock is wrong."""

    occurred_at: datetime | None
    flag: ClockFlag | None


def told_time(station_time: str | None, received_ms: int) -> ToldTime:
    """Read a station's time; there is nothing to judge where it told none."""
    if station_time is None:
        return ToldTime(None, None)
    read = parse_time(station_time)
    received_at = datetime.fromtimestamp(received_ms / 1000, UTC)
    flag = clock_flag(None if read is None else read.said, received_at)
    return ToldTime(None if read is None else read.at, flag)
