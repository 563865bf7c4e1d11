from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_service.bills.domain.facts import moment_of
from csms_shared.values.times import EARLIEST, LATEST, format_exact_time


@given(st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None)))
def test_what_another_service_writes_is_read_to_the_microsecond(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    assert moment_of(format_exact_time(at)) == at


@pytest.mark.parametrize(
    "text", ["", "soon", "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59Z"]
)
def test_nothing_has_happened_at_what_is_no_time_of_this_world(text: str) -> None:
    with pytest.raises(ValueError, match="nothing can have happened"):
        moment_of(text)
