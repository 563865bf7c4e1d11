import io
from typing import Any

import pytest
from rich.console import Console

from bench.cases import CASES, NAMES, chosen
from bench.lines import LINES, Line
from bench.report import Results, differences, judge, print_tables


def rate_of(result: dict[str, Any]) -> float:
    return float(result["rate"])


def results(suite: list[float], baseline: list[float], other: float = 10.0) -> Results:
    return {
        "suite": {"a": [{"rate": rate} for rate in suite], "b": [{"rate": other}]},
        "baseline": {"a": [{"rate": rate} for rate in baseline]} if baseline else {},
    }


AT_LEAST_5 = Line("a", "a", "", rate_of, target=5, more_is_better=True)


def test_the_median_round_is_judged() -> None:
    assert judge(AT_LEAST_5, results([1, 6, 100], []), quick=False).reached is True
    assert judge(AT_LEAST_5, results([1, 4, 100], []), quick=False).reached is False


def test_a_small_number_is_good_unless_more_is_better() -> None:
    at_most_5 = Line("a", "a", "", rate_of, target=5)
    assert judge(at_most_5, results([4], []), quick=False).reached is True
    assert judge(at_most_5, results([6], []), quick=False).reached is False


def test_both_targets_must_be_reached() -> None:
    line = Line("a", "a", "", rate_of, target=5, more_is_better=True, ratio_target=4.5)
    assert judge(line, results([9], [2]), quick=False).reached is True
    assert judge(line, results([9], [3]), quick=False).reached is False
    assert judge(line, results([9], []), quick=False).reached is False


def test_a_target_may_be_a_share_of_another_case() -> None:
    line = Line("a", "a", "", rate_of, target=0.8, more_is_better=True, relative_to="b")
    assert judge(line, results([8.1], []), quick=False).reached is True
    assert judge(line, results([7.9], []), quick=False).reached is False


def test_a_share_of_a_case_that_was_not_measured_is_not_judged() -> None:
    line = Line("a", "a", "", rate_of, target=0.8, more_is_better=True, relative_to="c")
    assert judge(line, results([8], []), quick=False).reached is None


def test_a_quick_run_is_not_judged() -> None:
    assert judge(AT_LEAST_5, results([1], []), quick=True).reached is None


def test_a_ratio_to_next_to_nothing_is_none() -> None:
    assert judge(AT_LEAST_5, results([1], [1e-9]), quick=False).ratio is None


def test_differences_name_system_case_and_round() -> None:
    found = differences({"suite": {"a": [{"differences": []}, {"differences": ["lost"]}]}})
    assert found == ["suite, a, round 2: lost"]


def test_the_cost_table_adds_up_the_processes() -> None:
    costs = {"cpu_us_per_unit": {"x": 30.0, "y": 12.0}, "cpu_share": {"x": 1.0, "y": 1.0}}
    result = {**costs, "memory_mb": {"x": 1.0, "y": 2.0}}
    text = io.StringIO()
    print_tables({"suite": {"a": [result]}, "baseline": {}}, Console(file=text), quick=True)
    assert "42" in text.getvalue()


def test_every_line_belongs_to_a_case_and_every_case_has_a_line() -> None:
    assert {line.case for line in LINES} == {case.name for case in CASES}
    assert {line.relative_to for line in LINES} - {None} <= {case.name for case in CASES}


@pytest.mark.parametrize("name", NAMES)
def test_every_measure_can_be_chosen_alone(name: str) -> None:
    assert chosen([name], quick=False)
    assert chosen([name], quick=True)


def test_a_full_run_measures_memory_before_anything_has_grown() -> None:
    assert chosen([], quick=False)[0].load == "memory"
    assert set(chosen([], quick=True)) < set(chosen([], quick=False))


def test_cases_may_differ_in_their_processes() -> None:
    def costing(**us: float) -> dict[str, Any]:
        return {"cpu_us_per_unit": us, "cpu_share": us, "memory_mb": us}

    found: Results = {"suite": {"a": [costing(one=11.5)], "b": [costing(one=12.5, two=13.5)]}}
    out = io.StringIO()
    print_tables(found, Console(file=out, width=100), quick=False)
    rows = [line.split("│")[1:-1] for line in out.getvalue().splitlines() if "│" in line]
    cells = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}
    assert cells["one"] == ["11.50", "12.50", "12.50"]
    assert cells["two"] == ["", "13.50", "13.50"]
    assert cells["all"] == ["11.50", "26", ""]
