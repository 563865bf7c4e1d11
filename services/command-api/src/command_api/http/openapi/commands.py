"""One documented operation per command action, with the official schema of its payload."""

from typing import Any

from command_api.http.answers.documents import LOCATED
from command_api.ocpp.v16.rest import ALTERNATIVES, LEAST_WITH_PROFILE
from csms_shared.ocpp.actions import actions, command_actions, commands
from csms_shared.ocpp.charging_profiles import BOUNDS, PROFILE_FIELDS
from csms_shared.ocpp.schemas import request_schema
from csms_shared.ocpp.versions import OCPP16
from csms_shared.values.times import EXPIRY_PATTERN

COMMANDS = "/api/v1/stations/{station_id}/commands/"
_COMPONENTS = "#/components/schemas/"
_COMMAND = {"application/json": {"schema": {"$ref": f"{_COMPONENTS}CommandView"}}}
_PROFILE_RULES = " Its charging profile must keep the rules of OCPP 1.6, 3.13, 5.16 and 7.8."
_RULES = dict.fromkeys(PROFILE_FIELDS, _PROFILE_RULES)
_TIME = {"type": "string", "format": "date-time", "pattern": EXPIRY_PATTERN}
# What stands at the top of a schema in a file of its own; a field may be called `id` too.
_OF_A_FILE = ("$schema", "id", "$id", "definitions")


def command_operations() -> dict[str, Any]:
    """Return the paths of the command actions."""
    return {COMMANDS + action: {"post": _operation(action)} for action in command_actions(OCPP16)}


def command_schemas() -> dict[str, Any]:
    """Return the types that payloads refer to, `Action.Type`: their names repeat in the actions."""
    return {
        f"{action}.{name}": _converted(action, schema)
        for action in command_actions(OCPP16)
        for name, schema in request_schema(OCPP16, action).get("definitions", {}).items()
    }


def _operation(action: str) -> dict[str, Any]:
    return {
        "tags": ["commands to stations"],
        "summary": action,
        "description": f"Send {action} (OCPP 1.6) to a station.{_RULES.get(action, '')}",
        "operationId": f"command_{action}",
        "parameters": _parameters(),
        "requestBody": {
            # Without a body the payload is empty.
            "required": bool(_payload(action).get("required")),
            "content": {
                "application/json": {
                    "schema": _body(action),
                    "example": actions(OCPP16)[action].example,
                }
            },
        },
        "responses": {
            "200": {
                "description": "The command has ended, one way or another; see `status`. What the "
                "station refused is here too: `accepted` is false, `response` or `error` its word.",
                **LOCATED,
                "content": _COMMAND,
            },
            "202": {
                "description": "The command has not ended within `wait`.",
                **LOCATED,
                "content": _COMMAND,
            },
            "409": {
                "description": "The station is rejected or pending, has no such transaction, "
                "can't be given that password or security profile now, or speaks a version of OCPP "
                "that this release does not know (`unknown_ocpp_version`)."
            },
            "429": {"description": "Too many commands wait already."},
        },
    }


def _body(action: str) -> dict[str, Any]:
    schema = _payload(action)
    alternative = ALTERNATIVES.get(action)
    return schema if alternative is None else {"oneOf": [schema, alternative]}


def _payload(action: str) -> dict[str, Any]:
    schema: dict[str, Any] = _converted(action, request_schema(OCPP16, action))
    for field, least in commands(OCPP16)[action].at_least.items():
        schema["properties"][field]["minimum"] = least
    if action in LEAST_WITH_PROFILE:
        field, least = LEAST_WITH_PROFILE[action]
        schema["properties"][field]["minimum"] = least
    if action in PROFILE_FIELDS:
        _bound(schema["properties"][PROFILE_FIELDS[action]])
    return schema


def _converted(action: str, node: Any) -> Any:
    """Return a schema in JSON Schema 2020-12, its definitions among the components."""
    if isinstance(node, list):
        return [_converted(action, child) for child in node]
    if not isinstance(node, dict):
        return node
    converted = {
        name: _converted(action, child)
        for name, child in node.items()
        if name not in _OF_A_FILE or (name == "id" and isinstance(child, dict))
    }
    if converted.get("format") == "date-time":
        converted |= _TIME
    if "$ref" in converted:
        name = converted["$ref"].removeprefix("#/definitions/")
        converted["$ref"] = f"{_COMPONENTS}{action}.{name}"
    return converted


def _bound(profile: dict[str, Any]) -> None:
    for name, schema in profile.get("properties", {}).items():
        schema |= BOUNDS.get(name, {})
        _bound(schema)
        _bound(schema.get("items", {}))


def _parameters() -> list[dict[str, Any]]:
    return [
        {
            "name": "station_id",
            "in": "path",
            "required": True,
            "description": "any text, encoded",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        },
        _query(
            "wait",
            {"type": "number", "minimum": 0, "maximum": 60, "default": 30},
            "seconds to wait for the end of the command",
        ),
        _query(
            "timeout",
            {"type": "number", "minimum": 0.001, "maximum": 300, "default": 30},
            "seconds until the command must be written to the socket",
        ),
        _query(
            "hold_until",
            _TIME,
            "keep the command for an offline station until then, at most 7 days",
        ),
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "the same key returns the same command, for 24 hours",
            "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
        },
    ]


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}
