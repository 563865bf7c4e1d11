"""The rate at which a station's frames are taken, whatever it sends and when."""

from hypothesis import given
from hypothesis import strategies as st

from ws_gateway.websocket.read_limiter import BURST_S, FLOOD_S, ReadRate

RATE = 100.0
sizes = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 2048), st.floats(0, 0.5)), min_size=1, max_size=200
)


@given(sizes)
def test_no_more_is_taken_than_the_rate_and_a_little_at_once(
    pieces: list[tuple[int, int, float]],
) -> None:
    rate, now, began = ReadRate(RATE), 1000.0, 1000.0
    taken = 0.0
    for frames, size, pause in pieces:
        now += pause
        if rate.may_take(now):
            taken += frames + size / 4096
            rate.took(frames, size, now)
            assert taken <= RATE * (now - began + BURST_S) + frames + size / 4096


def test_a_flood_is_one_that_never_pauses() -> None:
    rate, now = ReadRate(RATE), 1000.0
    while now < 1000.0 + FLOOD_S:
        while rate.may_take(now):
            rate.took(10, 100, now)
        assert not rate.is_flood(now)
        now += 0.02
    while rate.may_take(now):
        rate.took(10, 100, now)
    now += 0.02
    assert rate.is_flood(now)


def test_a_gateway_that_stood_still_takes_nobody_for_a_flood() -> None:
    rate, now = ReadRate(RATE), 1000.0
    while rate.may_take(now):
        rate.took(10, 100, now)
    # Stopped meanwhile, it has taken nothing: who had to wait a tenth of a second has not flooded.
    now += 60.0
    assert not rate.is_flood(now)
    assert rate.may_take(now)


def test_who_pauses_now_and_then_is_no_flood() -> None:
    rate, now = ReadRate(RATE), 1000.0
    for _ in range(10):
        for _ in range(100):
            while rate.may_take(now):
                rate.took(10, 100, now)
            now += 0.02
        now += 1.0
        assert rate.may_take(now)
        assert not rate.is_flood(now)


def test_a_large_message_costs_more_than_a_small_one() -> None:
    rate = ReadRate(RATE)
    rate.took(1, 1024 * 1024, 1000.0)
    assert not rate.may_take(1002.0)
    assert rate.may_take(1003.0)


def test_what_takes_long_to_handle_costs_its_time_whatever_its_size() -> None:
    rate, now = ReadRate(RATE), 1000.0
    taken = 0.0
    while now < 1000.0 + FLOOD_S:
        while rate.may_take(now):
            rate.took(1, 10, now, busy_s=0.2)
            now += 0.2
            taken += 0.2
        now += 0.02
    assert taken <= (now - 1000.0) * 0.3
    now += 0.2
    assert rate.is_flood(now)
