"""Times: written in one exact form, read as leniently as their senders need, always in bounds.

Two bounds, for two kinds of time. What has happened lies from `EARLIEST` to `LATEST`: before it
is what firmware says that has no clock at all (Go's zero time is 0001-01-01T00:00:00Z), after it
is no clock's time. What is to hold until some time may lie up to the end of the year 9999, which
is how RFC 5280 (4.1.2.5) and many people write "never".
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler
from pydantic_core import CoreSchema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The Unix epoch in whatever zone: a clock that was never set counts from it.
EARLIEST = datetime(1969, 12, 31, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
# The last time that can be written; asyncpg takes the microsecond at the end for infinity.
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)

_LENIENT = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?:[T\s]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d*))?)?)?"
    r"\s*(?:(?P<utc>Z|UTC|GMT)|(?P<sign>[+-])(?P<zone_hours>\d{1,2})(?::?(?P<zone_minutes>\d{2}))?)?",
    re.IGNORECASE | re.ASCII,
)
# A plus sign that was not encoded in a query arrives as a blank.
_LOST_PLUS = re.compile(r"(T[\d:.]+) (\d\d:?\d\d)$")
_NO_MOMENT = "must be a time as of RFC 3339, such as 2026-11-21T18:00:00Z"
# Longer text is no time; it also bounds what the pattern is tried on.
_MAX_LENGTH = 64
# For documentation, where a format says nothing of years: RFC 3339, 5.6, within the two bounds.
# West of Greenwich, the last year ends too late.
_DAY_AND_TIME = (
    r"-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3])(:[0-5][0-9]){2}"
    r"(\.[0-9]{1,9})?"
)
_OFFSET = "([01][0-9]|2[0-3]):[0-5][0-9]"
_EAST = rf"([Zz]|\+{_OFFSET})"
MOMENT_PATTERN, EXPIRY_PATTERN = (
    rf"^(({years}){_DAY_AND_TIME}({_EAST}|-{_OFFSET})|{last}{_DAY_AND_TIME}{_EAST})$"
    for years, last in (
        ("19[7-9][0-9]|20[0-8][0-9]|209[0-8]", "2099"),
        ("19[7-9][0-9]|[2-8][0-9]{3}|9([0-8][0-9]{2}|9[0-8][0-9]|99[0-8])", "9999"),
    )
)


@dataclass(frozen=True, slots=True)
class StationTime:
    """A time that a station sent; `zone_missing` where UTC had to be assumed.

    `said` is what its text says, of any year: to compare it with others, not to store it.
    """

    said: datetime
    zone_missing: bool

    @property
    def at(self) -> datetime | None:
        """The time, None where nothing can have happened then."""
        return plausible(self.said)


def plausible(said: datetime | None) -> datetime | None:
    """Return a time at which something can have happened, None in place of any other."""
    return said if said is not None and EARLIEST <= said <= LATEST else None


def format_time(at: datetime) -> str:
    """Return the time as OCPP text with milliseconds and Z, the one form no station refuses."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def format_exact_time(at: datetime) -> str:
    """Return the time with microseconds and Z, as another service calculates with it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def format_time_ms(epoch_ms: int) -> str:
    """Return milliseconds since the Unix epoch as OCPP text."""
    return format_time(_EPOCH + timedelta(milliseconds=epoch_ms))


def parse_time(text: str) -> StationTime | None:
    """Read a station's time, of any year; None where no time can be made out.

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


def parse_bound(text: str) -> datetime | None:
    """Read a time from or until which something holds, as leniently; see `bounded`."""
    read = parse_time(text)
    return None if read is None else bounded(read.said)


def bounded(at: datetime) -> datetime:
    """Return a time from or until which something holds, or the bound that it lies beyond."""
    return max(EARLIEST, min(LAST, at.replace(microsecond=_milliseconds(at))))


def later(at: datetime, by: timedelta) -> datetime:
    """Return the time so much after one until which something holds: there is none after `LAST`."""
    return LAST if at > LAST - by else at + by


def read_moment(given: Any) -> datetime:
    """Return a client's time in UTC; one without a zone is UTC.

    Raises:
        ValueError: it is no time as of RFC 3339, or not from `EARLIEST` to the year 9999.
    """
    if isinstance(given, datetime):
        given = given.isoformat()
    if not isinstance(given, str) or "T" not in given.upper():
        raise ValueError(_NO_MOMENT)
    try:
        said = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", given.upper()))
        moment = said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_NO_MOMENT) from None
    if moment < EARLIEST:
        raise ValueError(f"must not be before {format_time(EARLIEST)}")
    return moment.replace(microsecond=_milliseconds(moment))


def _in_history(moment: datetime) -> datetime:
    if moment > LATEST:
        raise ValueError(f"must not be after {format_time(LATEST)}")
    return moment


@dataclass(frozen=True, slots=True)
class _Written:
    """Says in a type's JSON schema how its times are written."""

    pattern: str

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}


# A time until which something holds: it may be as far off as can be written.
Expiry = Annotated[datetime, BeforeValidator(read_moment), _Written(EXPIRY_PATTERN)]
# Any other time that a client gives.
Moment = Annotated[Expiry, AfterValidator(_in_history), _Written(MOMENT_PATTERN)]


def _milliseconds(at: datetime) -> int:
    return at.microsecond // 1000 * 1000


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
