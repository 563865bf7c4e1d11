"""A schema in parts, so that the errors of a payload can be looked for one by one.

The validator makes all errors that there are before it hands out the first, at some 20 µs and
2 KiB each. A frame of a mebibyte has room for half a million. What can have many of them is in
arrays, whose items are looked at one after the other here.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

Path = tuple[str | int, ...]
# What a part has from its root: which draft it is of decides about formats.
_OF_THE_ROOT = ("$schema", "definitions")
_DEFINITION = "#/definitions/"


class SchemaPart:
    """A schema, or that of an array's items, with those of its arrays' items apart."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._whole = _validator(schema)
        root = {name: schema[name] for name in _OF_THE_ROOT if name in schema}
        but_items = copy.deepcopy(schema)
        self._arrays = [
            (path, SchemaPart(_resolved(items, root) | root))
            for path, items in _take_items(but_items, ())
        ]
        self._but_items = _validator(but_items)

    def is_valid(self, node: object) -> bool:
        """Tell whether there is no error.

        Raises:
            ValueError: it is nested more deeply than the validator goes.
        """
        return self._whole.is_valid(node)

    def errors(
        self, node: object, path: Path = ()
    ) -> Iterator[tuple[Path, jsonschema_rs.ValidationError]]:
        """Yield each error with where it is, in no particular order.

        Raises:
            ValueError: it is nested more deeply than the validator goes.
        """
        for error in self._but_items.iter_errors(node):
            yield (*path, *error.instance_path), error
        for names, items in self._arrays:
            for place, item in enumerate(_array(node, names)):
                if not items.is_valid(item):
                    yield from items.errors(item, (*path, *names, place))


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    # Masked, because a message may reach logs and stations, and a value may be a key.
    return jsonschema_rs.validator_for(schema, mask="value")


def _resolved(schema: dict[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref")
    resolved: dict[str, Any] = (
        schema if name is None else root["definitions"][name.removeprefix(_DEFINITION)]
    )
    return resolved


def _take_items(
    schema: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Remove the schemas of arrays' items; yield each with the path to its array."""
    for name, field in schema.get("properties", {}).items():
        if isinstance(field.get("items"), dict):
            yield (*path, name), field.pop("items")
        else:
            yield from _take_items(field, (*path, name))


def _array(node: Any, names: tuple[str, ...]) -> list[Any]:
    for name in names:
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, list) else []
