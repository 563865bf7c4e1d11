"""What counts as one outage of a service."""

from datetime import UTC, datetime

from tests.faults.found_outages import outages_since


def _log(*events: tuple[int, str, str]) -> str:
    return "\n".join(
        f"2026-11-21T12:00:{second:02d}.000000Z [info     ] {event}   [somewhere] service={name}"
        for second, event, name in events
    )


def _at(second: int) -> datetime:
    return datetime(2026, 11, 21, 12, 0, second, tzinfo=UTC)


def test_each_outage_counts_by_its_service() -> None:
    log = _log(
        (1, "service_away", "session-service"),
        (2, "service_answers", "session-service"),
        (3, "service_away", "session-service"),
        (4, "service_away", "station-registry"),
    )
    assert outages_since(log, _at(0)) == {"session-service": 2, "station-registry": 1}


def test_what_was_over_before_does_not_count() -> None:
    log = _log((1, "service_away", "session-service"), (2, "service_answers", "session-service"))
    assert outages_since(log, _at(2)) == {"session-service": 1}
    assert outages_since(log, _at(3)) == {}


def test_a_gateway_that_ends_tells_no_more_of_an_outage() -> None:
    log = _log((1, "service_away", "session-service"), (2, "draining", "gateway-1"))
    assert outages_since(log, _at(3)) == {}
