from ws_gateway.domain.flap_damping import LONGEST_S, WINDOW_S, Steadiness


def seconds_until_relied_upon(steadiness: Steadiness, now: float) -> float:
    for tenths in range(1000):
        if steadiness.answered(now + tenths / 10):
            return tenths / 10
    raise AssertionError("never")


def test_after_one_outage_the_first_answers_count() -> None:
    steadiness = Steadiness()
    steadiness.failed(0, first=True)
    steadiness.failed(1, first=False)
    assert seconds_until_relied_upon(steadiness, 2) == 0


def test_each_further_outage_asks_for_more_up_to_a_bound() -> None:
    steadiness = Steadiness()
    waits = []
    for number in range(7):
        steadiness.failed(number * 30, first=True)
        waits.append(seconds_until_relied_upon(steadiness, number * 30 + 1))
    assert waits == [0, 4, 8, 16, LONGEST_S, LONGEST_S, LONGEST_S]


def test_an_answer_missing_in_between_starts_it_anew() -> None:
    steadiness = Steadiness()
    for began in (0, 10):
        steadiness.failed(began, first=True)
    assert not steadiness.answered(11)
    steadiness.failed(13, first=False)
    assert not steadiness.answered(16)
    assert steadiness.answered(20)


def test_old_outages_are_forgiven() -> None:
    steadiness = Steadiness()
    for began in (0, 10):
        steadiness.failed(began, first=True)
    assert seconds_until_relied_upon(steadiness, 10 + WINDOW_S + 1) == 0
