"""Who may try a password, and when again."""

import pytest

from command_api.accounts.domain.login_limits import NAME_LONGEST_S, NAME_TIMES, LoginLimits

PAIR_FREE, WINDOW_S = 10, 300.0
NAME_FREE = NAME_TIMES * PAIR_FREE
HERE, THERE = "192.0.2.1", "192.0.2.2"


def fail(limits: LoginLimits, address: str, name: str, times: int, now_s: float = 0.0) -> None:
    for _ in range(times):
        limits.failed(address, name, now_s, known=True)


def test_the_first_failures_of_an_address_and_name_cost_nothing() -> None:
    limits = LoginLimits(PAIR_FREE, WINDOW_S)
    fail(limits, HERE, "admin", PAIR_FREE - 1)
    assert limits.wait_s(HERE, "admin", 0.0) == 0


def test_each_further_failure_doubles_the_wait_() -> None:
    limits = LoginLimits(PAIR_FREE, WINDOW_S)
    fail(limits, HERE, "admin", PAIR_FREE)
    waits, now_s = [], 0.0
    for _ in range(9):
        waits.append(limits.wait_s(HERE, "admin", now_s))
        now_s += waits[-1]
        assert limits.wait_s(HERE, "admin", now_s) == pytest.approx(0, abs=1e-6)
        fail(limits, HERE, "admin", 1, now_s)
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) == 256


def test_guesses_count_neither_against_another_name_nor_at_another_address() -> None:
    limits = LoginLimits(PAIR_FREE, WINDOW_S)
    fail(limits, HERE, "admin", NAME_FREE - 1)
    assert limits.wait_s(HERE, "admin", 0.0) > 0
    assert limits.wait_s(HERE, "other", 0.0) == 0
    assert limits.wait_s(THERE, "admin", 0.0) == 0


def test_a_name_has_a_ceiling_over_all_addresses_but_where_its_user_has_logged_in() -> None:
    limits = LoginLimits(PAIR_FREE, WINDOW_S)
    limits.succeeded(THERE, "admin")
    for number in range(NAME_FREE * 4):
        fail(limits, f"198.51.100.{number}", "admin", 1)
    assert limits.wait_s(HERE, "admin", 0.0) == NAME_LONGEST_S
    assert limits.wait_s(THERE, "admin", 0.0) == 0
    assert limits.wait_s(HERE, "other", 0.0) == 0


def test_the_right_password_ends_the_count_of_its_pair() -> None:
    limits = LoginLimits(PAIR_FREE, WINDOW_S)
    fail(limits, HERE, "admin", PAIR_FREE)
    limits.succeeded(HERE, "admin")
    assert limits.wait_s(HERE, "admin", 0.0) == 0
    fail(limits, HERE, "admin", PAIR_FREE)
    assert limits.wait_s(HERE, "admin", 0.0) > 0


def test_no_wait_is_longer_than_the_window_which_ends_the_count() -> None:
    limits = LoginLimits(PAIR_FREE, WINDOW_S)
    fail(limits, HERE, "admin", PAIR_FREE + 20)
    assert limits.wait_s(HERE, "admin", 0.0) == WINDOW_S
    assert limits.wait_s(HERE, "admin", WINDOW_S - 1) == 1
    fail(limits, HERE, "admin", PAIR_FREE - 1, WINDOW_S)
    assert limits.wait_s(HERE, "admin", WINDOW_S) == 0


def test_guesses_at_made_up_names_make_no_guess_at_a_user_forgotten() -> None:
    limits = LoginLimits(PAIR_FREE, WINDOW_S)
    fail(limits, HERE, "admin", PAIR_FREE)
    for number in range(20_000):
        limits.failed(HERE, f"nobody-{number}", 0.0, known=False)
    assert limits.wait_s(HERE, "admin", 0.0) > 0


def test_an_unknown_name_is_refused_as_a_known_one_is() -> None:
    limits = LoginLimits(PAIR_FREE, WINDOW_S)
    for _ in range(PAIR_FREE):
        limits.failed(HERE, "nobody", 0.0, known=False)
    assert limits.wait_s(HERE, "nobody", 0.0) == 1
