"""Times on the wire: written in one exact form, read as leniently as stations need."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LENIENT = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?:[T\s]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d*))?)?)?"
    r"\s*(?:(?P<utc>Z|UTC|GMT)|(?P<sign>[+-])(?P<zone_hours>\d{1,2})(?::?(?P<zone_minutes>\d{2}))?)?",
    re.IGNORECASE | re.ASCII,
)
# Longer text is no time; it also bounds what the pattern is tried on.
_MAX_LENGTH = 64


@dataclass(frozen=True, slots=True)
class StationTime:
    """A time that a station sent; `zone_missing` where UTC had to be assumed."""

    at: datetime
    zone_missing: bool


def format_time(at: datetime) -> str:
    """Return the time as OCPP text with milliseconds and Z, the one form no station refuses."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def format_time_ms(epoch_ms: int) -> str:
    """Return milliseconds since the Unix epoch as OCPP text."""
    return format_time(_EPOCH + timedelta(milliseconds=epoch_ms))


def parse_time(text: str) -> StationTime | None:
    """Read a station's time, None where no time can be made out.

    Accepted beyond RFC 3339: no zone (read as UTC), `+03`, `+0300`, a blank or lower-case letter
    in place of T and Z, a comma, no seconds, no time of day, 24:00, leap seconds, and fractions
    of any length, of which microseconds are kept.
    """
    if len(text) > _MAX_LENGTH:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return _parse_leniently(text)
    return _in_utc(at)


def _in_utc(at: datetime) -> StationTime | None:
    if at.tzinfo is None:
        return StationTime(at.replace(tzinfo=UTC), zone_missing=True)
    try:
        return StationTime(at.astimezone(UTC), zone_missing=False)
    except OverflowError:
        return None


def _parse_leniently(text: str) -> StationTime | None:
    match = _LENIENT.fullmatch(text.strip(" \t\r\n\0"))
    if match is None:
        return None
    part = match.groupdict()
    hour, second = int(part["hour"] or 0), int(part["second"] or 0)
    beyond = timedelta(days=hour == 24, seconds=second == 60)
    zone = None
    try:
        if part["utc"]:
            zone = UTC
        elif part["sign"]:
            offset = timedelta(
                hours=int(part["zone_hours"]), minutes=int(part["zone_minutes"] or 0)
            )
            zone = timezone(-offset if part["sign"] == "-" else offset)
        at = datetime(
            int(part["year"]),
            int(part["month"]),
            int(part["day"]),
            0 if hour == 24 else hour,
            int(part["minute"] or 0),
            59 if second == 60 else second,
            int(f"{part['fraction'] or ''}000000"[:6]),
            zone,
        )
        return _in_utc(at + beyond)
    except (ValueError, OverflowError):
        return None
