"""The OpenAPI document: the routes as FastAPI sees them, one operation per command action.

Added to each operation: the role that it needs, every problem that it may answer with, and what
no text in a request may hold. A route names only the problems that are its own (`responses`).
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from command_api.accounts.domain.roles import Role
from command_api.commands.domain.password_rotation import PASSWORD_MAX_LENGTH
from command_api.http.access.authentication import Reach, Scoping
from command_api.http.access.declarations import Access, Open, RequiresOneself, accesses
from command_api.http.access.session_cookie import CSRF_HEADER, SESSION_COOKIE
from command_api.http.openapi.commands import COMMANDS, command_operations, command_schemas
from command_api.http.openapi.tariffs import describe_tariffs
from command_api.http.openapi.texts import forbid_nul, forbid_null_in_queries

_PREFIX = "/api/v1"
_DESCRIPTION = """\
Errors are `application/problem+json` (RFC 9457); times are RFC 3339 UTC with `Z`; lists are paged \
by `limit` and `cursor`.

Users and API keys are a tenant's, and see what is of that tenant alone: the id of another's is \
answered as one that does not exist. A platform administrator acts for the tenant that the header \
`X-Tenant` names, and without it for `default`; 404 `unknown_tenant` answers everybody else who \
names another than their own, and a tenant that there is not.

A user or a key may be limited to sites or tags (`scope`): what is not of the stations there is \
answered as what does not exist, and operations that are not for them with 403 `outside_scope`.

Whoever asks needs an API key (`X-API-Key`), a bearer token or, in a browser, the cookie \
`csms_session`. One valid credential suffices, whatever is beside it; where several are valid, the \
first of these says who asks.

Where the cookie is the only one that is valid, every method but GET and HEAD needs a header \
`X-Requested-With` as well, with any value that is not empty, and none is for pages of other \
origins (`Sec-Fetch-Site`): 403 `csrf`.

HEAD is answered as GET is, without the body. Beside what each operation names, any path answers \
404 where nothing is there, 405 with `Allow` to a method that it has not (OPTIONS among them), 413 \
to a body of more than 1 MiB, and 431 to a head of more than 64 KiB; what is no HTTP request at \
all is 400. Parameters that an operation does not name are ignored; of one that is given twice the \
last counts.

Every answer has an `X-Request-ID`: that of the request, where it is 1 to 128 visible ASCII \
characters, otherwise a new one. The audit has it too.
"""
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
        "outcome": {
            "description": "what a bulk action had done before a later part of it was refused",
            "$ref": "#/components/schemas/BulkOutcome",
        },
    },
}
_SECURITY_SCHEMES = {
    "password": {
        "type": "oauth2",
        "flows": {"password": {"tokenUrl": f"{_PREFIX}/auth/token", "scopes": {}}},
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": f"for browsers, set by `POST {_PREFIX}/auth/session`; without another valid "
        f"credential, methods other than GET and HEAD need the header `{CSRF_HEADER}`",
    },
}
_MEANINGS = {
    401: "Nobody known asks.",
    403: "The role does not suffice, it is not for those who are limited to sites or tags, or the "
    "cookie alone says who asks and it may be that a page of elsewhere asks (`csrf`).",
    404: "There is no such thing.",
    413: "The body has more than 1 MiB.",
    415: "The body says to be of another media type.",
    422: "A field is wrong; `errors` names it.",
    429: "The tenant has asked as often as it may.",
    503: "A service, the broker or the database does not answer, or too many requests are "
    "under way.",
}
# Bodies with the password of a station.
_WITH_PASSWORDS = ("NewStation", "NewPassword")
_SECONDS = {"type": "integer", "minimum": 0}
_RETRY_AFTER = {
    "Retry-After": {"required": True, "description": "in seconds", "schema": _SECONDS},
}
_REACHES = {
    Reach.TENANT: "",
    Reach.DEPLOYMENT: "\n\nIt belongs to the deployment: for users and keys of `default`.",
    Reach.PLATFORM: "\n\nIt belongs to the deployment: for platform administrators.",
}
_SCOPINGS = {
    Scoping.REFUSED: "\n\nNot for those who are limited to sites or tags: 403 `outside_scope`.",
    Scoping.STATION: "\n\nWho is limited to sites or tags may for the stations there.",
    Scoping.FILTERED: "\n\nWho is limited to sites or tags gets what is of the stations there.",
    Scoping.NO_STATION: "",
}
_HEADERS = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}


def openapi_document(app: FastAPI, version: str, min_password_length: int) -> dict[str, Any]:
    """Return the document; passwords of stations have at least so many characters."""
    document = get_openapi(
        title="CSMS",
        version=version,
        summary="Central system for EV charging stations",
        description=_DESCRIPTION,
        routes=app.routes,
    )
    components = document["components"]
    components["schemas"] |= {"Problem": _PROBLEM, **command_schemas()}
    components["securitySchemes"] = _SECURITY_SCHEMES
    document["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    document["paths"] |= command_operations()
    access = {(path, method): access for path, method, access in accesses(app.routes)}
    for path, operations in document["paths"].items():
        route = f"{COMMANDS}{{action}}" if path.startswith(COMMANDS) else path
        for method, operation in operations.items():
            _complete(path, method, operation, access[route, method])
    # The framework's own answer, which no route gives.
    for name in ("HTTPValidationError", "ValidationError"):
        del components["schemas"][name]
    for body in _WITH_PASSWORDS:
        password = components["schemas"][body]["properties"]["password"]
        password |= {"minLength": min_password_length, "maxLength": PASSWORD_MAX_LENGTH}
    describe_tariffs(document)
    forbid_null_in_queries(document)
    forbid_nul(document)
    return document


def _complete(path: str, method: str, operation: dict[str, Any], access: Access) -> None:
    """Add what follows from the operation itself: its role, its parameters, its body."""
    answers: dict[str, Any] = operation["responses"]
    statuses = {422, 503, *(int(status) for status in answers if status >= "400")}
    if isinstance(access, Open):
        operation["security"] = []
    else:
        if isinstance(access, RequiresOneself):
            operation["description"] += "\n\nEvery user may for their own name."
        operation["description"] += _REACHES[access.reach]
        operation["description"] += _SCOPINGS[access.scoping]
        operation["description"] += f"\n\nNeeds the role {access.role}."
        may = access.role is Role.VIEWER and access.scoping is not Scoping.REFUSED
        # What changes something is refused to pages of elsewhere, whoever asks.
        statuses |= {401, 429} if may and method == "get" else {401, 403, 429}
    if "{" in path:
        statuses.add(404)
    if "requestBody" in operation:
        statuses |= {413, 415}
    for status in sorted(statuses):
        own = answers.pop(str(status), {})
        # What FastAPI writes of 422 is its own answer.
        described = status in _MEANINGS and (status == 422 or "description" not in own)
        answers[str(status)] = {
            "description": _MEANINGS[status] if described else own["description"],
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
