from csms_shared.broker.sender_clocks import (
    SETTLE_S,
    SILENCE_S,
    TOLERATED_MS,
    WINDOW_S,
    SenderClocks,
)

AHEAD = 120_000


class Time:
    """Ours, and that of a sender that our wall clock is `ahead` of."""

    def __init__(self, ahead: int = 0) -> None:
        self.now = 1000.0
        self.ahead = ahead
        self.clocks = SenderClocks(lambda: self.now)

    def receive(self, waited_ms: int = 2, sender: str = "gateway-1") -> int:
        now_ms = int(self.now * 1000)
        return self.clocks.ahead_ms(sender, now_ms - self.ahead - waited_ms, now_ms)

    def settle(self) -> None:
        self.receive(sender="somebody")
        self.now += SETTLE_S


def test_what_travels_fast_shows_how_far_the_clocks_are_apart() -> None:
    for ahead in (-AHEAD, 0, AHEAD):
        time = Time(ahead)
        time.settle()
        assert abs(time.receive() - ahead) < 10


def test_a_message_that_waited_does_not_pass_for_a_clock_that_differs() -> None:
    time = Time()
    time.settle()
    time.receive()
    assert time.receive(waited_ms=90_000) < 10


def test_after_a_silence_what_arrives_may_have_waited() -> None:
    time = Time()
    time.settle()
    time.now += SILENCE_S + 1
    assert time.receive(waited_ms=11_000) == 0


def test_a_sender_that_was_known_before_a_long_silence_is_known_after_it() -> None:
    time = Time(AHEAD)
    time.settle()
    time.receive()
    time.now += 10 * WINDOW_S
    assert abs(time.receive(waited_ms=90_000) - AHEAD) < 10


def test_a_clock_that_was_put_right_is_followed_within_two_windows() -> None:
    time = Time()
    time.settle()
    time.receive()
    time.ahead = AHEAD
    for _ in range(int(2 * WINDOW_S) + 2):
        time.now += 1
        latest = time.receive()
    assert abs(latest - AHEAD) < 10


def test_what_comes_before_it_was_sent_is_from_a_clock_that_runs_ahead() -> None:
    assert Time(-AHEAD).receive() < -AHEAD + 10


def test_no_more_is_made_good_than_what_is_tolerated() -> None:
    time = Time(10 * TOLERATED_MS)
    time.settle()
    assert time.receive() == TOLERATED_MS
