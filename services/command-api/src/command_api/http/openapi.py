"""The OpenAPI document: the routes as FastAPI sees them, one operation per command action."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from command_api.http.command_examples import COMMAND_EXAMPLES
from csms_shared.ocpp.actions import command_actions
from csms_shared.ocpp.schemas import request_schema
from csms_shared.ocpp.versions import OCPP16

_PREFIX = "/api/v1"
_COMMANDS = _PREFIX + "/stations/{station_id}/commands/"
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable name of the problem"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_SECURITY_SCHEMES = {
    "password": {
        "type": "oauth2",
        "flows": {"password": {"tokenUrl": f"{_PREFIX}/auth/token", "scopes": {}}},
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_PROBLEMS = {
    "401": "Nobody known asks.",
    "403": "The role does not suffice.",
    "404": "There is no such thing.",
    "409": "The state of things does not allow it.",
    "422": "A field is wrong; `errors` names it.",
    "429": "Too much at once.",
    "503": "A service, the broker or the database does not answer; see `Retry-After`.",
}


def openapi_document(app: FastAPI, version: str) -> dict[str, Any]:
    """Return the document."""
    document = get_openapi(
        title="CSMS",
        version=version,
        summary="Central system for EV charging stations",
        description="Errors are `application/problem+json`; times are RFC 3339 UTC with `Z`; "
        "lists are paged by `limit` and `cursor`.",
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    components["securitySchemes"] = _SECURITY_SCHEMES
    document["security"] = [{"password": []}, {"apiKey": []}]
    for action in command_actions(OCPP16):
        document["paths"][_COMMANDS + action] = {"post": _command_operation(action)}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _add_problems(operation, open_to_all=path == f"{_PREFIX}/auth/token")
    return document


def _add_problems(operation: dict[str, Any], *, open_to_all: bool) -> None:
    if open_to_all:
        operation["security"] = []
    reference = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, description in _PROBLEMS.items():
        operation["responses"][status] = {"description": description, "content": reference}


def _command_operation(action: str) -> dict[str, Any]:
    command = {
        "application/json": {"schema": {"$ref": "#/components/schemas/CommandView"}},
    }
    return {
        "tags": ["commands to stations"],
        "summary": action,
        "description": f"Send {action} (OCPP 1.6) to a station. Needs the role operator.",
        "operationId": f"command_{action}",
        "parameters": _parameters(),
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _body_schema(action),
                    "example": COMMAND_EXAMPLES[action],
                }
            },
        },
        "responses": {
            "200": {
                "description": "The command has ended, one way or another; see `status`.",
                "content": command,
            },
            "202": {"description": "The command has not ended within `wait`.", "content": command},
        },
    }


def _body_schema(action: str) -> dict[str, Any]:
    schema = {
        name: value
        for name, value in request_schema(OCPP16, action).items()
        if name not in ("$schema", "id", "$id")
    }
    if action != "RemoteStopTransaction":
        return schema
    by_connector = {
        "title": "By connector",
        "description": "Stops the open transaction of this connector.",
        "type": "object",
        "properties": {"connectorId": {"type": "integer"}},
        "required": ["connectorId"],
        "additionalProperties": False,
    }
    return {"oneOf": [schema, by_connector]}


def _parameters() -> list[dict[str, Any]]:
    return [
        {
            "name": "station_id",
            "in": "path",
            "required": True,
            "description": "any text, percent-encoded",
            "schema": {"type": "string"},
        },
        _query(
            "wait",
            {"type": "number", "minimum": 0, "maximum": 60, "default": 30},
            "seconds to wait for the end of the command",
        ),
        _query(
            "timeout",
            {"type": "number", "maximum": 300, "default": 30},
            "seconds until the command must be written to the socket",
        ),
        _query(
            "hold_until",
            {"type": "string", "format": "date-time"},
            "keep the command for an offline station until then, at most 7 days",
        ),
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "the same key returns the same command, for 24 hours",
            "schema": {"type": "string", "maxLength": 255},
        },
    ]


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}
