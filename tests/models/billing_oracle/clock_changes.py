"""When the clocks of a zone change, found by looking at them."""

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from tests.models.billing_oracle.seconds import instant

FIRST, LAST = instant("2025-01-01T00:00:00Z"), instant("2028-01-01T00:00:00Z")
DAY, MINUTE = 24 * 3600, 60


def offset(at: int, zone: ZoneInfo) -> float:
    """Give how far the zone's clocks are from UTC at an instant."""
    local = datetime.fromtimestamp(at, zone).utcoffset()
    assert local is not None
    return local.total_seconds()


@cache
def clock_changes(zone_name: str) -> tuple[int, ...]:
    """List the instants from `FIRST` to `LAST` at which the zone's clocks jump."""
    zone = ZoneInfo(zone_name)
    return tuple(
        minute
        for day in range(FIRST, LAST, DAY)
        if offset(day, zone) != offset(day + DAY, zone)
        for minute in range(day + MINUTE, day + DAY + MINUTE, MINUTE)
        if offset(minute - MINUTE, zone) != offset(minute, zone)
    )
