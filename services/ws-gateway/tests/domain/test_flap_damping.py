from ws_gateway.domain.flap_damping import LONGEST_S, WINDOW_S, FlapDamping


def seconds_until_relied_upon(damping: FlapDamping, now: float) -> float:
    for tenths in range(1000):
        if damping.answered(now + tenths / 10):
            return tenths / 10
    raise AssertionError("never")


def test_after_one_outage_the_first_answers_count() -> None:
    damping = FlapDamping()
    damping.failed(0, first=True)
    damping.failed(1, first=False)
    assert seconds_until_relied_upon(damping, 2) == 0


def test_each_further_outage_asks_for_more_up_to_a_bound() -> None:
    damping = FlapDamping()
    waits = []
    for number in range(7):
        damping.failed(number * 30, first=True)
        waits.append(seconds_until_relied_upon(damping, number * 30 + 1))
    assert waits == [0, 4, 8, 16, LONGEST_S, LONGEST_S, LONGEST_S]


def test_an_answer_missing_in_between_starts_it_anew() -> None:
    damping = FlapDamping()
    for began in (0, 10):
        damping.failed(began, first=True)
    assert not damping.answered(11)
    damping.failed(13, first=False)
    assert not damping.answered(16)
    assert damping.answered(20)


def test_old_outages_are_forgiven() -> None:
    damping = FlapDamping()
    for began in (0, 10):
        damping.failed(began, first=True)
    assert seconds_until_relied_upon(damping, 10 + WINDOW_S + 1) == 0
