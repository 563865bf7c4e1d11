"""Stations' payloads made fit for the services: known deviations are mended or let pass.

Only what is valid or mended or named by the version's rules as harmless passes. Text that is
stored as sent (measurands, units, error codes, id tokens, stop reasons, times) is let pass
unchanged, everything else is brought to the specification's form.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

from csms_shared.ocpp.schema_parts import Path
from csms_shared.ocpp.schemas import TOO_MANY, SchemaProblem, precedence
from csms_shared.values.times import parse_time
from ws_gateway.domain.deviations import Deviation

Tolerated = dict[str, None]
"""The names of deviations that were forgiven, in the order in which they were found."""


@dataclass(slots=True)
class Checked:
    """The payload to go on with, what was forgiven, and the problem where not everything was."""

    payload: dict[str, Any]
    tolerated: tuple[str, ...] = ()
    problem: SchemaProblem | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ToleranceRules:
    """What one OCPP version's payloads are forgiven, by action, besides nulls and wrong case.

    `is_valid` and `problems` are the version's schemas. `reshape` mends the form of a payload that
    is not valid, before anything else; `drop_empty` ends that where nothing is left to refuse;
    `notes`, by action, name what a valid one has that is odd all the same. All work in place.

    `irreplaceable`: refused, they are lost for good, so unknown fields are left out.
    `informative`: their texts only inform, so numbers become text where the field is not one of
    these, and what is too long is cut. `times`: fields whose text need not be a time. `kept_enums`
    and `kept_enums_under`: fields, and what is anywhere under a field, whose unknown values are
    kept. `may_be_empty`: arrays. `long_texts`: how long a field may be beyond its schema.
    """

    is_valid: Callable[[str, dict[str, Any]], bool]
    problems: Callable[[str, dict[str, Any]], list[SchemaProblem]]
    reshape: Callable[[str, dict[str, Any], Tolerated], None]
    drop_empty: Callable[[str, dict[str, Any]], None]
    notes: Mapping[str, Callable[[dict[str, Any], Tolerated], None]]
    irreplaceable: frozenset[str]
    informative: Mapping[str, frozenset[str]]
    times: frozenset[str]
    kept_enums: frozenset[tuple[str, str]]
    kept_enums_under: frozenset[str]
    may_be_empty: frozenset[Path]
    long_texts: Mapping[tuple[str, str], int]


def check_tolerantly(rules: ToleranceRules, action: str, payload: dict[str, Any]) -> Checked:
    """Check a CALL's payload, and mend it in place where the deviation is a known one.

    The problem is one that is left when all that is forgiven is mended, never a deviation that
    would have been forgiven by itself; an unknown field is named only where nothing else is wrong.
    """
    tolerated: Tolerated = {}
    if not rules.is_valid(action, payload):
        rules.reshape(action, payload, tolerated)
        problem = _mend(rules, action, payload, tolerated)
        if problem is not None:
            return Checked(payload, problem=problem)
        rules.drop_empty(action, payload)
    note = rules.notes.get(action)
    if note is not None:
        note(payload, tolerated)
    return Checked(payload, tuple(tolerated))


def _mend(
    rules: ToleranceRules, action: str, payload: dict[str, Any], tolerated: Tolerated
) -> SchemaProblem | None:
    """Mend until there is nothing left to mend, as mending may show what was hidden: a number that
    became text may be too long a text. Return the first problem that is left."""
    nulls: dict[Path, SchemaProblem] = {}
    while True:
        left = []
        mended = False
        problems = rules.problems(action, payload)
        if problems and problems[-1].keyword == TOO_MANY:
            # Forgiven so many at a time, they would keep everybody else waiting.
            return problems[-1]
        for problem in problems:
            match _forgive(rules, action, payload, problem, tolerated, nulls):
                case _Verdict.MENDED:
                    mended = True
                case _Verdict.REFUSED:
                    left.append(problem)
        if not mended:
            break
    # What is missing because its null was taken away is answered as the null that it was.
    left = [nulls.pop(problem.path, problem) for problem in left]
    if left:
        return min(left, key=_by_cause)
    if nulls:
        tolerated[Deviation.NULL_FIELD] = None
    return None


def _by_cause(problem: SchemaProblem) -> tuple[bool, tuple[int, str]]:
    """Sort a payload's problems, the one to answer first.

    A field that nobody reads is the cause of nothing: beside a missing one it is most often that
    one by a wrong name.
    """
    return problem.keyword == "additionalProperties", precedence(problem)


class _Verdict(Enum):
    MENDED = auto()
    KEPT_AS_SENT = auto()
    REFUSED = auto()


def _forgive(
    rules: ToleranceRules,
    action: str,
    payload: dict[str, Any],
    problem: SchemaProblem,
    tolerated: Tolerated,
    nulls: dict[Path, SchemaProblem],
) -> _Verdict:
    if not problem.path:
        # Of the payload as a whole.
        return _Verdict.REFUSED
    holder, key = _holder(payload, problem.path)
    match problem.keyword:
        case "additionalProperties" if action in rules.irreplaceable:
            del holder[key]
            tolerated[Deviation.UNKNOWN_FIELD] = None
            return _Verdict.MENDED
        case "type":
            if holder[key] is None and isinstance(holder, dict):
                del holder[key]
                nulls[problem.path] = problem
                return _Verdict.MENDED
            return _forgive_type(rules, action, holder, key, tolerated)
        case "enum":
            return _forgive_enum(rules, action, holder, key, problem, tolerated)
        case "format":
            return _forgive_time(rules, holder, key, tolerated)
        case "maxLength":
            return _forgive_length(rules, action, holder, key, problem, tolerated)
        case "minItems" if problem.path in rules.may_be_empty:
            tolerated[Deviation.EMPTY_SAMPLES] = None
            return _Verdict.KEPT_AS_SENT
    return _Verdict.REFUSED


def _forgive_type(
    rules: ToleranceRules, action: str, holder: Any, key: str | int, tolerated: Tolerated
) -> _Verdict:
    required = rules.informative.get(action)
    number = type(holder[key]) in (int, float)
    if required is not None and number and key not in required:
        holder[key] = orjson.dumps(holder[key]).decode()
        tolerated[Deviation.NUMBER_FOR_TEXT] = None
        return _Verdict.MENDED
    return _Verdict.REFUSED


def _forgive_enum(
    rules: ToleranceRules,
    action: str,
    holder: Any,
    key: str | int,
    problem: SchemaProblem,
    tolerated: Tolerated,
) -> _Verdict:
    if isinstance(holder, dict) and key not in holder:
        # It was null, which is of a wrong type and none of the values at once.
        return _Verdict.MENDED
    value = holder[key]
    if not isinstance(value, str) or not isinstance(problem.limit, tuple):
        return _Verdict.REFUSED
    spelled = next((option for option in problem.limit if option.lower() == value.lower()), None)
    if spelled is not None:
        holder[key] = spelled
        tolerated[Deviation.ENUM_CASE] = None
        return _Verdict.MENDED
    is_kept = not rules.kept_enums_under.isdisjoint(problem.path)
    if not is_kept and (action, key) not in rules.kept_enums:
        return _Verdict.REFUSED
    tolerated[Deviation.UNKNOWN_ENUM] = None
    return _Verdict.KEPT_AS_SENT


def _forgive_time(
    rules: ToleranceRules, holder: Any, key: str | int, tolerated: Tolerated
) -> _Verdict:
    if key not in rules.times:
        return _Verdict.REFUSED
    # As sent: the services read it leniently, or fall back to the time of receipt and flag it.
    readable = parse_time(holder[key]) is not None
    tolerated[Deviation.TIME_FORMAT if readable else Deviation.UNREADABLE_TIME] = None
    return _Verdict.KEPT_AS_SENT


def _forgive_length(
    rules: ToleranceRules,
    action: str,
    holder: Any,
    key: str | int,
    problem: SchemaProblem,
    tolerated: Tolerated,
) -> _Verdict:
    if action in rules.informative and isinstance(problem.limit, int):
        holder[key] = holder[key][: problem.limit]
        tolerated[Deviation.TRUNCATED_TEXT] = None
        return _Verdict.MENDED
    if len(holder[key]) <= rules.long_texts.get((action, str(key)), 0):
        tolerated[Deviation.LONG_ID_TAG] = None
        return _Verdict.KEPT_AS_SENT
    return _Verdict.REFUSED


def _holder(payload: dict[str, Any], path: Path) -> tuple[Any, str | int]:
    """Return the object or array that holds the field, and the field's name or place in it."""
    holder: Any = payload
    for step in path[:-1]:
        holder = holder[step]
    return holder, path[-1]
