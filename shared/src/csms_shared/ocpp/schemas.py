"""The official JSON schemas, as compiled validators that speak OCPP-J error codes.

The files ship in the PyPI package `ocpp`, which is found but not imported: its message classes
would cost every gateway process memory for nothing.
"""

import importlib.util
import pathlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from typing import Any

import jsonschema_rs
import orjson

from csms_shared.ocpp.actions import is_known
from csms_shared.ocpp.errors import RpcError, error_code
from csms_shared.ocpp.schema_parts import Path, SchemaPart
from csms_shared.ocpp.versions import OCPP16

# More than a day's meter values by the minute have with three deviations in each. A problem costs
# some 30 µs, for which everybody else waits.
MAX_PROBLEMS = 5000
TOO_MANY = "too_many"

_FOLDERS = {OCPP16: "v16"}

_ERROR_OF_KEYWORD = {
    "additionalProperties": RpcError.FORMAT_VIOLATION,
    "required": RpcError.OCCURRENCE_CONSTRAINT_VIOLATION,
    "minItems": RpcError.OCCURRENCE_CONSTRAINT_VIOLATION,
    "maxItems": RpcError.OCCURRENCE_CONSTRAINT_VIOLATION,
    "type": RpcError.TYPE_CONSTRAINT_VIOLATION,
}

# What a code says in OCPP-J 4.2.3 orders them: every later one begins with "Payload is
# syntactically correct but", and a value can only be wrong where its type is right.
_PRECEDENCE = (
    RpcError.FORMAT_VIOLATION,
    RpcError.OCCURRENCE_CONSTRAINT_VIOLATION,
    RpcError.TYPE_CONSTRAINT_VIOLATION,
    RpcError.PROPERTY_CONSTRAINT_VIOLATION,
)

_MAX_DESCRIPTION = 255
# The schemas bound no integer; the parser ends at 64 bits without sign, databases at these.
_INTEGERS = {"minimum": -(2**63), "maximum": 2**63 - 1}


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """One way in which a payload breaks its schema.

    `code` is spelled as the OCPP version has it, `path` leads to the field (of a missing or
    unexpected field: its own place), `keyword` is the JSON schema keyword that failed, `limit` what
    it demands: the allowed values of an `enum` or names of a `type`, the number of a `maxLength`.
    """

    code: str
    description: str
    path: Path
    keyword: str
    error: RpcError
    limit: tuple[str, ...] | int | None = None

    @property
    def pointer(self) -> str:
        """The field as a JSON pointer."""
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in self.path)
        return "".join(f"/{step}" for step in steps)


def validate_request(version: str, action: str, payload: object) -> SchemaProblem | None:
    """Return the first problem of a CALL's payload by precedence, None where it is valid."""
    return _first_problem(version, action, payload, response=False)


def validate_response(version: str, action: str, payload: object) -> SchemaProblem | None:
    """Return the first problem of a CALLRESULT's payload by precedence, None where it is valid."""
    return _first_problem(version, action, payload, response=True)


def is_valid_request(version: str, action: str, payload: object) -> bool:
    """Tell whether a CALL's payload has no problem."""
    if not is_known(version, action):
        return False
    try:
        return _parts(version, action, response=False).is_valid(payload)
    except ValueError:
        return False


def request_problems(version: str, action: str, payload: object) -> list[SchemaProblem]:
    """Return every problem of a CALL's payload; the first one is the one to answer.

    Order: FormationViolation, OccurenceConstraintViolation, TypeConstraintViolation,
    PropertyConstraintViolation; the same code by path, so that the answer never depends on the
    validator's own order. Of a payload with more than `MAX_PROBLEMS` no more are looked for, and
    the last of the list, by the keyword `TOO_MANY`, says so.
    """
    return _problems(version, action, payload, response=False)


def response_problems(version: str, action: str, payload: object) -> list[SchemaProblem]:
    """Return every problem of a CALLRESULT's payload, in the order of `request_problems`."""
    return _problems(version, action, payload, response=True)


def precedence(problem: SchemaProblem) -> tuple[int, str]:
    """Return what sorts the problems of a payload as `request_problems` does."""
    return _PRECEDENCE.index(problem.error), problem.pointer


def request_schema(version: str, action: str) -> dict[str, Any]:
    """Return the schema that a CALL's payload is validated with, for documentation."""
    bounded: dict[str, Any] = _with_bounds(_schema(version, action, response=False))
    return bounded


def _first_problem(
    version: str, action: str, payload: object, *, response: bool
) -> SchemaProblem | None:
    if not is_known(version, action):
        return _problem(
            version, RpcError.NOT_IMPLEMENTED, f"unknown action {action[:50]}", (), "action"
        )
    try:
        if _parts(version, action, response=response).is_valid(payload):
            return None
    except ValueError:
        return _too_deep(version)
    return _problems(version, action, payload, response=response)[0]


def _problems(version: str, action: str, payload: object, *, response: bool) -> list[SchemaProblem]:
    errors = _parts(version, action, response=response).errors(payload)
    each = chain.from_iterable(_translated(version, path, error) for path, error in errors)
    try:
        found = list(islice(each, MAX_PROBLEMS + 1))
    except ValueError:
        return [_too_deep(version)]
    is_cut = len(found) > MAX_PROBLEMS
    found = sorted(found[:MAX_PROBLEMS], key=precedence)
    return [*found, _too_many(version)] if is_cut else found


def _too_many(version: str) -> SchemaProblem:
    what = f"more than {MAX_PROBLEMS} problems"
    return _problem(version, RpcError.FORMAT_VIOLATION, what, (), TOO_MANY)


def _too_deep(version: str) -> SchemaProblem:
    # The validator takes 255 levels and raises beyond them; no message of OCPP has ten.
    return _problem(version, RpcError.FORMAT_VIOLATION, "nested too deeply", (), "depth")


def _translated(
    version: str, path: Path, error: jsonschema_rs.ValidationError
) -> Iterable[SchemaProblem]:
    keyword = error.kind.name
    code = _ERROR_OF_KEYWORD.get(keyword, RpcError.PROPERTY_CONSTRAINT_VIOLATION)
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        return (
            _problem(version, code, "unknown field", (*path, name), keyword)
            for name in kind.unexpected
        )
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        return [_problem(version, code, "missing", (*path, kind.property), keyword)]
    if keyword == "type" and not path:
        code = RpcError.FORMAT_VIOLATION
    limit: tuple[str, ...] | int | None = None
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Enum):
        limit = tuple(str(option) for option in kind.options)
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.Type):
        limit = tuple(kind.types)
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.MaxLength):
        limit = kind.limit
    return [_problem(version, code, error.message, path, keyword, limit)]


def _problem(
    version: str,
    error: RpcError,
    what: str,
    path: Path,
    keyword: str,
    limit: tuple[str, ...] | int | None = None,
) -> SchemaProblem:
    field = ".".join(str(step) for step in path)
    text = f"{field}: {what}" if field else what
    code = error_code(version, error)
    return SchemaProblem(code, text[:_MAX_DESCRIPTION], path, keyword, error, limit)


@cache
def _parts(version: str, action: str, *, response: bool) -> SchemaPart:
    return SchemaPart(_with_bounds(_schema(version, action, response=response)))


def _with_bounds(node: Any) -> Any:
    """Return a schema whose integers are those that can be stored."""
    if isinstance(node, list):
        return [_with_bounds(child) for child in node]
    if not isinstance(node, dict):
        return node
    bounded = {name: _with_bounds(child) for name, child in node.items()}
    return _INTEGERS | bounded if node.get("type") == "integer" else bounded


def _schema(version: str, action: str, *, response: bool) -> dict[str, Any]:
    name = f"{action}Response.json" if response else f"{action}.json"
    file = _package_folder() / _FOLDERS[version] / "schemas" / name
    schema = orjson.loads(file.read_bytes())
    assert isinstance(schema, dict)
    return schema


def _package_folder() -> pathlib.Path:
    spec = importlib.util.find_spec("ocpp")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package ocpp, which holds the OCPP schemas, is not installed")
    return pathlib.Path(spec.origin).parent
