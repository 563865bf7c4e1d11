from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_shared.ocpp.times import format_time, format_time_ms, parse_time

AT = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


def test_times_are_written_with_milliseconds_and_z() -> None:
    assert format_time(AT) == "2026-11-21T02:00:00.000Z"
    assert format_time(AT.replace(microsecond=999_999)) == "2026-11-21T02:00:00.999Z"
    assert format_time(AT.astimezone(timezone(timedelta(hours=3)))) == "2026-11-21T02:00:00.000Z"
    assert format_time_ms(1_795_226_400_007) == "2026-11-21T02:00:00.007Z"


@pytest.mark.parametrize(
    ("text", "at", "zone_missing"),
    [
        ("2026-11-21T02:00:00Z", AT, False),
        ("2026-11-21T02:00:00.000Z", AT, False),
        ("2026-11-21T05:00:00+03:00", AT, False),
        ("2026-11-21T05:00:00+03", AT, False),
        ("2026-11-21T05:00:00.5 +0300", AT.replace(microsecond=500_000), False),
        ("2026-11-20T21:30:00-0430", AT, False),
        ("2026-11-21T02:00:00", AT, True),
        ("2026-11-21 02:00:00", AT, True),
        ("2026-11-21 02:00:00z", AT, False),
        ("2026-11-21t02:00:00z", AT, False),
        ("2026-11-21T02:00Z", AT, False),
        ("2026-11-21", AT.replace(hour=0), True),
        ("2026-11-21T2:00:00Z", AT, False),
        ("2026-11-21T02:00:00.1234567890123Z", AT.replace(microsecond=123_456), False),
        ("2026-11-21T02:00:00.Z", AT, False),
        ("2026-11-20T24:00:00Z", AT.replace(hour=0), False),
        ("2026-11-21T01:59:60Z", AT, False),
        ("1970-01-01T00:00:07Z", datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC), False),
        (" 2026-11-21T02:00:00Z\0", AT, False),
    ],
)
def test_station_times_are_read_leniently(text: str, at: datetime, zone_missing: bool) -> None:
    parsed = parse_time(text)
    assert parsed is not None
    assert (parsed.at, parsed.zone_missing) == (at, zone_missing)
    assert parsed.at.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "now", "0000-00-00T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-21T02:00:00+99",
     "0001-01-01T00:00:00+14:00", "9999-12-31T24:00:00Z", "2026-11-21T02:00:00Z" * 10],
)  # fmt: skip
def test_hopeless_text_is_no_time(text: str) -> None:
    assert parse_time(text) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_back_to_the_millisecond(at: datetime) -> None:
    parsed = parse_time(format_time(at))
    assert parsed is not None
    assert parsed.at == at.replace(microsecond=at.microsecond // 1000 * 1000)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    parse_time(text)
