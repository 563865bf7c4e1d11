"""Where a CALL's payload holds times, as its schema says."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from csms_shared.ocpp.schemas import request_schema

Path = tuple[str | int, ...]
_EACH = "*"


def times_in_request(version: str, action: str, payload: Any) -> Iterator[tuple[Path, str]]:
    """Yield each time of a valid payload with its path."""
    for places in _times(version, action):
        yield from _found(payload, places, ())


@cache
def _times(version: str, action: str) -> tuple[tuple[str, ...], ...]:
    document = request_schema(version, action)
    return tuple(_declared(document, document, ()))


def _declared(
    document: dict[str, Any], schema: dict[str, Any], places: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    if "$ref" in schema:
        schema = document["definitions"][schema["$ref"].removeprefix("#/definitions/")]
    if schema.get("format") == "date-time":
        yield places
    for name, child in schema.get("properties", {}).items():
        yield from _declared(document, child, (*places, name))
    if "items" in schema:
        yield from _declared(document, schema["items"], (*places, _EACH))


def _found(node: Any, places: tuple[str, ...], path: Path) -> Iterator[tuple[Path, str]]:
    if not places:
        yield path, node
    elif places[0] == _EACH:
        for index, child in enumerate(node):
            yield from _found(child, places[1:], (*path, index))
    elif places[0] in node:
        yield from _found(node[places[0]], places[1:], (*path, places[0]))
