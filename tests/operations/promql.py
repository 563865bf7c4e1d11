"""As much of PromQL as the alerts use, over scrapes kept in memory.

Expressions are read by a parser of the whole language; what is not evaluated here is refused, so
that no alert passes because it was misread.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import promql_parser as promql

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]

_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda one, other: one / other if other else float("nan"),
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Scrape:
    """All targets at one moment: `at` in seconds since 1970, values by metric and labels."""

    at: float
    values: dict[str, Vector]


def evaluate(expression: promql.Expr, scrapes: Sequence[Scrape]) -> Vector | float:
    """Return what a parsed expression is at the last of the scrapes."""
    match expression:
        case promql.NumberLiteral():
            return float(expression.val)
        case promql.ParenExpr():
            return evaluate(expression.expr, scrapes)
        case promql.VectorSelector():
            return _selected(expression, scrapes[-1])
        case promql.Call() if expression.func.name == "time":
            return float(scrapes[-1].at)
        case promql.Call() if expression.func.name == "increase":
            return _increase(expression.args[0], scrapes)
        case promql.AggregateExpr() if str(expression.op) == "sum":
            return _sum(expression, scrapes)
        case promql.BinaryExpr():
            return _binary(expression, scrapes)
    raise NotImplementedError(f"not evaluated in these tests: {expression.prettify()}")


def vector(expression: promql.Expr, scrapes: Sequence[Scrape]) -> Vector:
    """Return what an expression is that is a vector."""
    found = evaluate(expression, scrapes)
    assert isinstance(found, dict), expression.prettify()
    return found


def _selected(selector: promql.VectorSelector, scrape: Scrape) -> Vector:
    beyond = selector.offset is not None or selector.at is not None
    if selector.name is None or beyond or selector.matchers.or_matchers:
        raise NotImplementedError(selector.prettify())
    return {
        labels: value
        for labels, value in scrape.values.get(selector.name, {}).items()
        if all(_fits(one, dict(labels).get(one.name, "")) for one in selector.matchers.matchers)
    }


def _fits(matcher: promql.Matcher, value: str) -> bool:
    match str(matcher.op).removeprefix("MatchOp."):
        case "Equal":
            return value == str(matcher.value)
        case "NotEqual":
            return value != str(matcher.value)
        case "Re":
            return re.fullmatch(matcher.value, value) is not None
        case "NotRe":
            return re.fullmatch(matcher.value, value) is None
    raise NotImplementedError(str(matcher))


def _increase(matrix: promql.MatrixSelector, scrapes: Sequence[Scrape]) -> Vector:
    """Return the growth within the range, counter resets left out; not extrapolated."""
    begin = scrapes[-1].at - matrix.range.total_seconds()
    before: Vector = {}
    grown: Vector = {}
    for scrape in scrapes:
        if scrape.at < begin:
            continue
        for labels, value in _selected(matrix.vector_selector, scrape).items():
            if labels in before:
                step = value - before[labels]
                grown[labels] = grown.get(labels, 0.0) + (step if step >= 0 else value)
            before[labels] = value
    return grown


def _sum(aggregate: promql.AggregateExpr, scrapes: Sequence[Scrape]) -> Vector:
    modifier = aggregate.modifier
    if modifier is not None and modifier.type != promql.AggModifierType.By:
        raise NotImplementedError(aggregate.prettify())
    kept = set() if modifier is None else set(modifier.labels)
    sums: Vector = {}
    for labels, value in vector(aggregate.expr, scrapes).items():
        group = frozenset(label for label in labels if label[0] in kept)
        sums[group] = sums.get(group, 0.0) + value
    return sums


def _binary(binary: promql.BinaryExpr, scrapes: Sequence[Scrape]) -> Vector | float:
    left, right = evaluate(binary.lhs, scrapes), evaluate(binary.rhs, scrapes)
    name = str(binary.op)
    if isinstance(left, float) and isinstance(right, float):
        return _ARITHMETIC[name](left, right)
    assert isinstance(left, dict), binary.prettify()
    if isinstance(right, float):
        pairs = {labels: (value, right) for labels, value in left.items()}
    else:
        pairs = _matched(left, right, binary.modifier)
    if name in _COMPARISONS:
        return {
            labels: one for labels, (one, other) in pairs.items() if _COMPARISONS[name](one, other)
        }
    return {labels: _ARITHMETIC[name](one, other) for labels, (one, other) in pairs.items()}


def _matched(
    left: Vector, right: Vector, modifier: promql.BinModifier | None
) -> dict[Labels, tuple[float, float]]:
    on = None
    if modifier is not None and modifier.matching is not None:
        if (
            modifier.matching.type != promql.LabelModifierType.Include
            or modifier.card != promql.VectorMatchCardinality.OneToOne
        ):
            raise NotImplementedError(str(modifier))
        on = set(modifier.matching.labels)

    def key(labels: Labels) -> Labels:
        return labels if on is None else frozenset(one for one in labels if one[0] in on)

    others = {key(labels): value for labels, value in right.items()}
    assert len(others) == len(right), "several series for one"
    return {
        key(labels): (value, others[key(labels)])
        for labels, value in left.items()
        if key(labels) in others
    }
