"""Failed TLS handshakes among the refusals that an operator sees."""

from ws_gateway.domain.refusal_counts import RefusalCounts
from ws_gateway.domain.tls_faults import CLIENT_GONE, TlsFault
from ws_gateway.websocket.refusals import Refusals


def test_a_failed_tls_handshake_is_counted_without_a_station_and_without_a_status() -> None:
    counts = RefusalCounts()
    refusals = Refusals(counts)
    for _ in range(2):
        refusals.tls_failed("192.0.2.1", TlsFault("tls_version", "too old"))
    ((key, counted),) = counts.take_changed()
    assert key == ("", "192.0.2.1", "tls_version")
    assert (counted.times, counted.detail, counted.http_status) == (2, "too old", 0)


def test_whoever_is_gone_is_told_of_nowhere() -> None:
    counts = RefusalCounts()
    Refusals(counts).tls_failed("192.0.2.1", TlsFault(CLIENT_GONE, "gone"))
    assert counts.take_changed() == []
