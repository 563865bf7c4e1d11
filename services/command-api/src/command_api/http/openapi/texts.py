"""What holds for every text of a request: no NUL, and a parameter that is not given is no null."""

from typing import Any

_NO_NUL = r"^[^\u0000]*$"
# What says more of a text than that it is one.
_NARROWER = ("enum", "const", "format", "pattern", "contentMediaType")


def forbid_null_in_queries(document: dict[str, Any]) -> None:
    """Take null out of the schemas of query parameters: it is Python's word for not given."""
    for operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            options = schema.get("anyOf", ())
            if len(given := [option for option in options if option != {"type": "null"}]) == 1:
                del schema["anyOf"]
                schema |= given[0]


def forbid_nul(document: dict[str, Any]) -> None:
    """Say of each text in a request that it holds no NUL: PostgreSQL could not store it."""
    seen: set[str] = set()
    for operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            _forbid(document, parameter["schema"], seen)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            _forbid(document, content["schema"], seen)


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for operations in document["paths"].values() for one in operations.values()]


def _forbid(document: dict[str, Any], schema: Any, seen: set[str]) -> None:
    if isinstance(schema, list):
        for child in schema:
            _forbid(document, child, seen)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "string" and not any(word in schema for word in _NARROWER):
        schema["pattern"] = _NO_NUL
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        seen.add(reference)
        name = reference.removeprefix("#/components/schemas/")
        _forbid(document, document["components"]["schemas"][name], seen)
    for word in ("properties", "patternProperties"):
        _forbid(document, list(schema.get(word, {}).values()), seen)
    for word in ("items", "anyOf", "oneOf", "allOf", "additionalProperties", "propertyNames"):
        _forbid(document, schema.get(word), seen)
