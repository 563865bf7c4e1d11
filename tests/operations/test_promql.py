"""What the alerts' expressions are, over scrapes made by hand."""

import promql_parser
import pytest

from tests.operations.promql import Scrape, Vector, evaluate


def _at(at: float, **values: dict[str, float]) -> Scrape:
    return Scrape(at, {name: _vector(**found) for name, found in values.items()})


def _vector(**found: float) -> Vector:
    """Return a vector of one label, `l`."""
    return {frozenset({("l", value)}): number for value, number in found.items()}


SCRAPES = [
    _at(0, total={"a": 5, "b": 1}, gauge={"a": 1}),
    _at(30, total={"a": 8, "b": 1, "c": 7}, gauge={"a": 1}),
    _at(60, total={"a": 2, "b": 1, "c": 7}, gauge={"a": 3, "b": 4}),
]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("gauge > 3", _vector(b=4)),
        ("gauge == 3", _vector(a=3)),
        ('gauge{l!="a"}', _vector(b=4)),
        ('gauge{l=~"a|c"}', _vector(a=3)),
        # A counter that falls has begun again at 0; one that appears has not grown.
        ("increase(total[2m])", _vector(a=5, b=0, c=0)),
        ("increase(total[30s]) > 0", _vector(a=2)),
        ("sum(gauge)", {frozenset(): 7}),
        ("sum by (l) (gauge) / on (l) total", _vector(a=1.5, b=4)),
        ("total - gauge", _vector(a=-1, b=-3)),
        ("gauge - time() < -56", _vector(a=-57)),
        ("missing > 0", {}),
    ],
)
def test_an_expression_is_what_prometheus_says_of_it(expression: str, found: Vector) -> None:
    assert evaluate(promql_parser.parse(expression), SCRAPES) == found


@pytest.mark.parametrize(
    "expression",
    ["rate(total[1m])", "max(gauge)", "gauge offset 1m", "sum without (l) (gauge)"],
)
def test_what_is_not_known_here_is_not_guessed(expression: str) -> None:
    with pytest.raises(NotImplementedError):
        evaluate(promql_parser.parse(expression), SCRAPES)
