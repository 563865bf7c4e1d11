from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from csms_shared.values.times import (
    EARLIEST,
    EXPIRY_PATTERN,
    LAST,
    LATEST,
    MOMENT_PATTERN,
    Expiry,
    Moment,
    bounded,
    format_time,
    format_time_ms,
    later,
    parse_bound,
    parse_time,
)

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
    assert (parsed.at, parsed.said, parsed.zone_missing) == (at, at, zone_missing)
    assert parsed.said.tzinfo is UTC


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
    assert parsed.said == at.replace(microsecond=at.microsecond // 1000 * 1000)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    parse_time(text)


_IMPOSSIBLE = ["0001-01-01T00:00:00Z", "1969-12-30T23:59:59Z", "2100-01-01T00:00:01Z",
               "9999-12-31T23:59:59.999999Z"]  # fmt: skip


@pytest.mark.parametrize("text", _IMPOSSIBLE)
def test_what_no_clock_says_is_read_and_is_no_time_of_anything_that_happened(text: str) -> None:
    parsed = parse_time(text)
    assert parsed is not None
    assert parsed.said == datetime.fromisoformat(text)
    assert parsed.at is None


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00+14:00", "1969-12-31T00:00:00Z",
                                  "2100-01-01T00:00:00Z"])  # fmt: skip
def test_a_clock_that_counts_from_the_epoch_of_any_zone_tells_times(text: str) -> None:
    parsed = parse_time(text)
    assert parsed is not None
    assert parsed.at == datetime.fromisoformat(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_bound_in_time_can_be_stored_and_lies_as_near_as_can_be(at: datetime) -> None:
    found = parse_bound(at.isoformat())
    assert found is not None
    assert EARLIEST <= found <= LAST
    if at >= EARLIEST:
        assert timedelta(0) <= at - found < timedelta(milliseconds=1)


def test_no_sum_leads_beyond_the_last_time() -> None:
    minute = timedelta(minutes=1)
    assert later(LATEST, minute) - LATEST == minute
    assert later(LAST - minute, minute) == later(LAST, minute) == LAST


def test_the_bounds_themselves_are_kept() -> None:
    assert [bounded(at) for at in (EARLIEST, LATEST, LAST)] == [EARLIEST, LATEST, LAST]


@pytest.mark.parametrize("text", _IMPOSSIBLE)
def test_a_client_s_time_lies_in_the_range_and_only_an_expiry_may_be_never(text: str) -> None:
    with pytest.raises(ValidationError, match=r"must not be (before|after)"):
        TypeAdapter(Moment).validate_python(text)
    if text < "1970":
        with pytest.raises(ValidationError, match="must not be before"):
            TypeAdapter(Expiry).validate_python(text)
    else:
        assert TypeAdapter(Expiry).validate_python(text) <= LAST


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [(Moment, MOMENT_PATTERN), (Expiry, EXPIRY_PATTERN)],
    ids=["moment", "expiry"],
)
@given(st.data())
def test_what_a_schema_allows_is_read(kind: Any, pattern: str, data: st.DataObject) -> None:
    adapter: TypeAdapter[datetime] = TypeAdapter(kind)
    documented = jsonschema_rs.Draft202012Validator(adapter.json_schema(), validate_formats=True)
    text = data.draw(st.from_regex(pattern, fullmatch=True).filter(documented.is_valid))
    assert EARLIEST <= adapter.validate_python(text) <= LAST


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("1970-01-01T00:00:00Z", True),
        ("2099-12-31t23:59:59.999999999z", True),
        ("2026-11-21T02:00:00+13:45", True),
        ("1969-12-30T00:00:00Z", False),
        ("2100-01-02T00:00:00Z", False),
        ("0001-01-01T00:00:00Z", False),
        ("2026-02-30T00:00:00Z", False),
        ("2026-11-21T24:00:00Z", False),
        ("2026-11-21", False),
        ("", False),
    ],
)
def test_a_schema_says_which_times_are_read(text: str, valid: bool) -> None:
    adapter: TypeAdapter[datetime] = TypeAdapter(Moment)
    documented = jsonschema_rs.Draft202012Validator(adapter.json_schema(), validate_formats=True)
    assert documented.is_valid(text) is valid
    try:
        adapter.validate_python(text)
    except ValidationError:
        assert not valid
    else:
        assert valid
