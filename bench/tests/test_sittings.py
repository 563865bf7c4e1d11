import pytest

from bench.cases import CASES, chosen, sittings


def names(only: list[str], rounds: int) -> list[list[tuple[str, int]]]:
    sat = sittings(chosen(only, quick=False), rounds, quick=False)
    return [[(turn.case.name, turn.number) for turn in turns] for turns in sat]


@pytest.mark.parametrize("group", ["integration", "billing"])
def test_a_service_on_and_off_alternate_in_one_suite(group: str) -> None:
    assert names([group], 3) == [
        [
            (f"sessions-{group}-on", 1),
            (f"sessions-{group}-off", 1),
            (f"sessions-{group}-off", 2),
            (f"sessions-{group}-on", 2),
            (f"sessions-{group}-on", 3),
            (f"sessions-{group}-off", 3),
        ]
    ]


def test_what_needs_a_fresh_suite_has_one_for_each_round() -> None:
    assert names(["history", "light"], 2) == [
        [("history", 1)],
        [("history", 2)],
        [("light", 1), ("light", 2)],
    ]


def test_every_turn_is_sat_once() -> None:
    sat = [turn for turns in sittings([*CASES], 2, quick=True) for turn in turns]
    assert sorted((turn.case.name, turn.number) for turn in sat) == sorted(
        (case.name, number) for case in CASES for number in (1, 2)
    )
