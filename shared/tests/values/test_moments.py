"""Times as clients give them."""

from datetime import UTC, datetime

import pytest

from csms_shared.values.times import read_moment

AT = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T18:00:00Z",
        "2026-11-21t18:00:00z",
        "2026-11-21T18:00:00.000000Z",
        "2026-11-21T19:00:00+01:00",
        "2026-11-21T19:00:00 01:00",
        "2026-11-21T18:00:00",
    ],
)
def test_a_time_is_in_utc_also_where_the_plus_sign_was_lost(text: str) -> None:
    assert read_moment(text) == AT
    assert read_moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    "given",
    [
        "",
        "tomorrow",
        "2026-11-21",
        "2026-02-30T00:00:00Z",
        "1763748000",
        1763748000,
        True,
        None,
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+12:00",
    ],
)
def test_what_is_no_time_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        read_moment(given)
