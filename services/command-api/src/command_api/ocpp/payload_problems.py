"""What is wrong with a request before a station gets it: by its schema, and by what that leaves
open."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from csms_shared.ocpp.actions import commands
from csms_shared.ocpp.schemas import request_problems, validate_request
from csms_shared.ocpp.times_in_payloads import times_in_request
from csms_shared.values.numbers import as_integer
from csms_shared.values.times import EARLIEST, format_time, parse_time

Problem = tuple[str, str]


def payload_problems(version: str, action: str, payload: Mapping[str, Any]) -> list[Problem]:
    """Return each field, as a JSON pointer, with what is wrong with it."""
    if validate_request(version, action, payload) is not None:
        return [
            (problem.pointer or "/", problem.description)
            for problem in request_problems(version, action, payload)
        ]
    return [*_too_small(version, action, payload), *_impossible_times(version, action, payload)]


def with_whole_numbers(version: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload with 1.0 written as 1 where an integer is wanted.

    They are the same number (JSON Schema 2020-12, 4.2.3), which the draft of OCPP 1.6's schemas
    tells apart, and so may stations.
    """
    wrong = [
        problem.path
        for problem in request_problems(version, action, payload)
        if problem.keyword == "type" and problem.limit == ("integer",)
    ]
    if not wrong:
        return payload
    changed = copy.deepcopy(payload)
    for *above, field in wrong:
        holder: Any = changed
        for step in above:
            holder = holder[step]
        number = as_integer(holder[field])
        holder[field] = holder[field] if number is None else number
    return changed


def _too_small(version: str, action: str, payload: Mapping[str, Any]) -> Iterator[Problem]:
    for field, least in commands(version)[action].at_least.items():
        if payload.get(field, least) < least:
            yield f"/{field}", f"{field}: must be at least {least}"


def _impossible_times(version: str, action: str, payload: Mapping[str, Any]) -> Iterator[Problem]:
    for path, text in times_in_request(version, action, payload):
        said = parse_time(text)
        if said is None or not said.said >= EARLIEST:
            field = ".".join(map(str, path))
            problem = f"must be a time, and not before {format_time(EARLIEST)}"
            yield "".join(f"/{step}" for step in path), f"{field}: {problem}"
