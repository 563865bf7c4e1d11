"""What stations' mistakes may write into the log."""

from structlog.testing import capture_logs

from ws_gateway.domain.effects import FrameUnusable, StrayAnswer
from ws_gateway.websocket.observed import Observer


def test_a_station_that_sends_only_garbage_fills_no_disk() -> None:
    now = [100.0]
    observer = Observer(clock=lambda: now[0])
    with capture_logs() as lines:
        for _ in range(10_000):
            observer.observe(FrameUnusable("no JSON", b"x" * 5000, False), "ocpp16", "A", "c1")
        observer.observe(StrayAnswer("1"), "ocpp16", "B", "c2")
    assert [line["station_id"] for line in lines] == ["A"] * 50 + ["B"]
    assert max(len(str(line)) for line in lines) < 1000
    now[0] += 60
    with capture_logs() as lines:
        observer.observe(StrayAnswer("1"), "ocpp16", "A", "c1")
    assert len(lines) == 1


def test_what_cannot_be_read_and_may_hold_a_secret_is_not_logged() -> None:
    with capture_logs() as lines:
        for raw in (
            b'[3,"1",{"configurationKey":[{"key":"AuthorizationKey","value":"hunter2',
            b'[7,"1",{"password":"hunter2"}]',
        ):
            Observer().observe(FrameUnusable("odd", raw, False), "ocpp16", "A", "c1")
    assert len(lines) == 2
    assert "hunter2" not in str(lines)
