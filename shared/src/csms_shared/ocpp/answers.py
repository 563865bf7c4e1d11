"""Stations' answers to our calls, as far as they can be read.

A tolerant gateway hands on an answer that breaks its schema, because it is better than none, and
operators see it as it came. Whoever draws conclusions from it reads it through here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from csms_shared.ocpp.actions import find_action
from csms_shared.ocpp.schema_parts import Path
from csms_shared.ocpp.schemas import TOO_MANY, SchemaProblem, response_problems, validate_response

# What a reader can't look over: a value of another kind than the one it expects.
_OF_ANOTHER_KIND = frozenset({"type", "enum", "minimum", "maximum"})


def readable_answer(version: str, action: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return the answer without values of a wrong kind; numbers in place of text become text.

    Whatever is left is what its schema says, or text that is too long or of no known format;
    any field may be missing. Nothing is left of one with more problems than are looked for, or of
    an action or a version that is unknown here, as of a station that a later release serves.
    """
    if find_action(version, action) is None:
        return {}
    if validate_response(version, action, response) is None:
        return response
    numbers_as_text = _rebuilt(response, (), _numbers_for_text(version, action, response))
    problems = response_problems(version, action, numbers_as_text)
    if _are_too_many(problems):
        return {}
    unreadable = {
        problem.path: _GONE for problem in problems if problem.keyword in _OF_ANOTHER_KIND
    }
    readable: dict[str, Any] = _rebuilt(numbers_as_text, (), unreadable)
    return readable


_GONE = object()


def _are_too_many(problems: Sequence[SchemaProblem]) -> bool:
    return bool(problems) and problems[-1].keyword == TOO_MANY


def _numbers_for_text(version: str, action: str, response: dict[str, Any]) -> dict[Path, object]:
    found: dict[Path, object] = {}
    for problem in response_problems(version, action, response):
        if problem.keyword != "type":
            continue
        value = _at(response, problem.path)
        if problem.limit == ("string",) and type(value) in (int, float):
            found[problem.path] = str(value)
    return found


def _at(node: Any, path: Path) -> Any:
    for step in path:
        node = node[step]
    return node


def _rebuilt(node: Any, path: Path, changes: Mapping[Path, object]) -> Any:
    if path in changes:
        return changes[path]
    if isinstance(node, dict):
        fields = ((name, _rebuilt(child, (*path, name), changes)) for name, child in node.items())
        return {name: child for name, child in fields if child is not _GONE}
    if isinstance(node, list):
        items = (_rebuilt(child, (*path, place), changes) for place, child in enumerate(node))
        return [child for child in items if child is not _GONE]
    return node
