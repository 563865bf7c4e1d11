"""What counts as one outage of a service."""

from datetime import UTC, datetime

from tests.faults.found_outages import outages_since


def _log(*events: tuple[int, str, str]) -> str:
    return "\n".join(
        f"2026-11-21T12:00:{second:02d}.000000Z [info     ] {event}   [somewhere] {fields}"
        for second, event, fields in events
    )


def _peer(name: str) -> str:
    return f"peer_service={name} service=gateway-1"


def _at(second: int) -> datetime:
    return datetime(2026, 11, 21, 12, 0, second, tzinfo=UTC)


def test_each_outage_counts_by_its_service() -> None:
    log = _log(
        (1, "service_away", _peer("session-service")),
        (2, "service_answers", _peer("session-service")),
        (3, "service_away", _peer("session-service")),
        (4, "service_away", _peer("station-registry")),
    )
    assert outages_since(log, _at(0)) == {"session-service": 2, "station-registry": 1}


def test_what_was_over_before_does_not_count() -> None:
    log = _log(
        (1, "service_away", _peer("session-service")),
        (2, "service_answers", _peer("session-service")),
    )
    assert outages_since(log, _at(2)) == {"session-service": 1}
    assert outages_since(log, _at(3)) == {}


def test_a_gateway_that_ends_tells_no_more_of_an_outage() -> None:
    log = _log((1, "service_away", _peer("session-service")), (2, "draining", "service=gateway-1"))
    assert outages_since(log, _at(3)) == {}
