"""What is drawn from a seed, without a suite."""

from itertools import islice

from tests.faults.drawn_faults import (
    ALL,
    KINDS,
    KINDS_OF_PAIRS,
    Round,
    draw_pairs,
    draw_rounds,
)
from tests.faults.injecting import INJECTORS


def _rounds(seed: int, count: int = 200) -> list[Round]:
    return list(islice(draw_rounds(seed), count))


def test_the_same_seed_draws_the_same_faults() -> None:
    assert _rounds(7) == _rounds(7)
    assert _rounds(7) != _rounds(8)


def test_each_kind_comes_once_before_any_comes_again() -> None:
    drawn = [fault.kind for one in _rounds(1) for fault in one.faults]
    names = sorted(kind.name for kind in KINDS)
    for begin in (0, len(KINDS), 2 * len(KINDS)):
        assert sorted(drawn[begin : begin + len(KINDS)]) == names


def test_two_faults_at_once_do_not_touch_the_same_part() -> None:
    pairs = [one.faults for one in _rounds(2) if len(one.faults) == 2]
    assert pairs
    for first, second in pairs:
        assert first.occupies != second.occupies
        assert ALL not in (first.occupies, second.occupies)


def test_a_fault_lasts_as_long_as_its_kind_may() -> None:
    allowed = {(kind.name, target): kind.seconds for kind in KINDS for target in kind.targets}
    for one in _rounds(3):
        for fault in one.faults:
            shortest, longest = allowed[fault.kind, fault.target]
            assert shortest <= fault.seconds <= longest


def test_each_kind_can_be_injected() -> None:
    assert {kind.name for kind in (*KINDS, *KINDS_OF_PAIRS)} == INJECTORS.keys()


def _pairs(seed: int, count: int = 200) -> list[Round]:
    return list(islice(draw_pairs(seed), count))


def test_the_same_seed_draws_the_same_pairs() -> None:
    assert _pairs(7) == _pairs(7)
    assert _pairs(7) != _pairs(8)


def test_each_pair_has_two_faults_on_different_parts() -> None:
    for pair in _pairs(1):
        first, second = pair.faults
        assert first.occupies != second.occupies
        assert ALL not in (first.occupies, second.occupies)


def test_every_kind_comes_in_pairs() -> None:
    drawn = {fault.kind for pair in _pairs(1) for fault in pair.faults}
    assert drawn == {kind.name for kind in KINDS_OF_PAIRS}
