"""A valid payload of every call and answer of OCPP 1.6 with every field in it, and its places."""

import copy
import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from csms_simulator.sample_payloads import (
    CENTRAL_SYSTEM_CALLS,
    STATION_ANSWERS,
    STATION_CALLS,
)

Place = tuple[str | int, ...]
Payload = dict[str, Any]
_AT = "2026-11-21T02:00:00Z"


@cache
def station_call(action: str) -> Payload:
    """Return a call of a station."""
    return _whole(STATION_CALLS[action], _schema(action))


@cache
def command(action: str) -> Payload:
    """Return a call of the central system."""
    payload = CENTRAL_SYSTEM_CALLS[action]
    # What one field needs, another forbids.
    return payload if "Profile" in str(payload) else _whole(payload, _schema(action))


@cache
def station_answer(action: str) -> Payload:
    """Return a station's answer to a call of the central system."""
    return _whole(STATION_ANSWERS[action], _schema(f"{action}Response"))


def places(document: object, at: Place = ()) -> Iterator[Place]:
    """Yield the place of every value in a document, the document itself included."""
    yield at
    children: list[tuple[str | int, Any]] = []
    if isinstance(document, dict):
        children += document.items()
    elif isinstance(document, list):
        children += enumerate(document[:1])
    for step, child in children:
        yield from places(child, (*at, step))


def value_at(document: Any, place: Place) -> Any:
    """Return what lies at a place."""
    for step in place:
        document = document[step]
    return document


def replaced(document: object, place: Place, value: object) -> object:
    """Return a copy of the document with another value at a place."""
    if not place:
        return value
    changed = copy.deepcopy(document)
    value_at(changed, place[:-1])[place[-1]] = value
    return changed


def _whole(payload: Payload, schema: dict[str, Any]) -> Payload:
    """Return the payload with the fields that it leaves out."""
    return {**_valid(schema, schema), **copy.deepcopy(payload)}


def _valid(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    if "$ref" in schema:
        schema = document["definitions"][schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {name: _valid(child, document) for name, child in fields.items()}
        case "array":
            return [_valid(schema["items"], document)]
        case "string":
            return _AT if schema.get("format") == "date-time" else "x"
        case "boolean":
            return True
        case "integer":
            return 1
    return 1.5


@cache
def _schema(name: str) -> dict[str, Any]:
    spec = find_spec("ocpp")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "v16" / "schemas" / f"{name}.json"
    schema: dict[str, Any] = json.loads(file.read_text())
    return schema
