from bench.cases import CASES, chosen, sittings


def names(only: list[str], rounds: int) -> list[list[tuple[str, int]]]:
    sat = sittings(chosen(only, quick=False), rounds, quick=False)
    return [[(turn.case.name, turn.number) for turn in turns] for turns in sat]


def test_integration_on_and_off_alternate_in_one_suite() -> None:
    assert names(["integration"], 3) == [
        [
            ("sessions-integration-on", 1),
            ("sessions-integration-off", 1),
            ("sessions-integration-off", 2),
            ("sessions-integration-on", 2),
            ("sessions-integration-on", 3),
            ("sessions-integration-off", 3),
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
