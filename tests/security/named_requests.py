"""Requests derived from the OpenAPI document, about a tenant's things and about nothing.

Whatever names a thing is tried: a parameter or field that is added later, and that nobody has said
anything of here, fails.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from csms_simulator.sample_payloads import CENTRAL_SYSTEM_CALLS
from tests.extremes.odd_station import BUSY_CONNECTOR
from tests.rest.furnished_suite import PASSWORD, TARIFF

Document = dict[str, Any]
Names = dict[str, str]
Place = tuple[str, ...]

_UUIDS = (
    "job_id", "upload_id", "template_id", "rollout_id", "command_id", "command_group_id",
    "item_id", "session_id", "key_id", "replay_id", "tariff_id", "assignment_id", "bill_id",
    "cdr_id",
)  # fmt: skip
NUMBERS = ("transaction_id", "reservation_id", "refusal_id")
# Names of no tenant's things.
COMMON = {"connector_id": "1"}
# A stream is listened to; tenants, and to which a station goes, are for platform administrators.
NOT_HERE = ("/events", "/tenants", "/tenants/{tenant_id}", "/stations/{station_id}/tenant")
# Parked messages are the deployment's: whoever may read them sees all.
_OF_THE_DEPLOYMENT = ("/parked", "/parked/bulk/replay", "/parked/bulk/delete")
# Queries that name nothing; pages are tried by themselves.
_PLAIN_QUERIES = frozenset(
    {
        "action", "after", "changed_after", "connector_id", "critical", "cursor", "direction",
        "duration", "expires_within_days", "flag", "from", "hold_until", "kind", "level", "limit",
        "line_voltage", "online", "reason", "registration_status", "revoked", "service", "source",
        "state", "status", "stopped_from", "stopped_to", "timeout", "to", "type", "unit",
        "version", "wait",
    }
)  # fmt: skip
# Which name a field of a body has, where it is spelled in another way.
_SPELLED = {
    "idTag": "id_token",
    "parentIdTag": "group_id",
    "transactionId": "transaction_id",
    "reservationId": "reservation_id",
    "serialNumber": "serial_number",
}
_MAY_NAME = re.compile(
    r"(_id|Id|_?[tT]ag|_?[tT]oken|[cC]ursor|name|[nN]umber|vendor|model|firmware_version|target)s?$"
)
# Of one station, of its vendor, or of the deployment.
_NAME_NOTHING = frozenset(
    {
        "chargingProfileId", "connectorId", "connector_id", "cursor", "display_name", "messageId",
        "energy_product_name", "party_id", "registered_serial_number", "requestId",
        "supplier_name", "vendorId",
    }
)  # fmt: skip
# Ids that are unique in the deployment: taken is taken. The name of a rollout is no id.
_NOT_TRIED = {("/stations", "station_id"), ("/users", "username"), ("/firmware-rollouts", "name")}
# What is kept for a connected station changes while it is sent.
_RESTING = "/stations/{station_id}/local-list"
# The other tenant's things that are found by what they are of, where not by the usual name.
_FOUND_BY = {
    ("/refusals", "station_id"): "locked",
    ("/quarantine", "station_id"): "away",
    ("/bills", "station_id"): "billed",
    ("/bills", "transaction_id"): "billed_transaction",
    ("/bills", "reservation_id"): "billed_reservation",
}
# It says of which kind the things are.
_OF_A_KIND = ("/tariff-assignments", "target")
_VALUES = {"HeartbeatInterval": "300"}
_SESSION = {
    "started_at": "2026-11-20T08:00:00Z", "stopped_at": "2026-11-20T09:00:00Z",
    "time_zone": "UTC", "meter_start": 0, "meter_stop": 1_000,
}  # fmt: skip
_FIRMWARE = {"location": "https://firmware.example/2.0.bin"}
_ENDS = {"expires_at": "2099-01-01T00:00:00Z"}
_numbers = count()


@dataclass(frozen=True, slots=True)
class Case:
    """One request; `names` are what it names of another tenant, or of nobody."""

    method: str
    path: str
    query: Names
    body: Any
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.query} {self.body}"


@dataclass(frozen=True, slots=True)
class Pair:
    """The same request about the other tenant's thing and about one that there is not."""

    theirs: Case
    nobodys: Case


def by_path(document: Document, names: Names, own: Names) -> Iterator[Pair]:
    """Yield each request whose path names something."""
    for path, method, operation in _operations(document):
        wanted = [one["name"] for one in _parameters(operation, "path")]
        wanted = [name for name in wanted if name not in COMMON]
        query = {"connector_id": "1"} if path.endswith("/composite-schedule") else {}
        cases = []
        for known in (names, {name: _nobodys(name) for name in wanted}):
            values = {name: known[name] for name in wanted}
            filled = path.format(**COMMON | values)
            body = _body(path, method, operation, own)
            cases.append(Case(method.upper(), filled, query, body, tuple(values.values())))
        if wanted:
            yield Pair(*cases)


def by_query(document: Document, names: Names, own: Names) -> Iterator[Pair]:
    """Yield each read with each of its queries that names something."""
    for path, method, operation in _operations(document):
        for parameter in _parameters(operation, "query"):
            name: str = parameter["name"]
            if name in _PLAIN_QUERIES or path in _OF_THE_DEPLOYMENT or (path, name) == _OF_A_KIND:
                continue
            theirs = names[str(_FOUND_BY.get((path, name), name))]
            cases = [
                Case(method.upper(), path.format(**own), {name: value}, None, (value,))
                for value in (theirs, _nobodys(name))
            ]
            yield Pair(*cases)


def by_body(document: Document, names: Names, own: Names) -> Iterator[Pair]:
    """Yield each request with each field of its body that names something.

    What gives own things another tenant's names comes last: from then on there are such.
    """
    found = [
        (path, method, operation, place, name)
        for path, method, operation in _operations(document)
        for place in sorted(set(_leaves(document, _schema(operation) or {})))
        if (name := _name_of(place)) is not None
        if path not in _OF_THE_DEPLOYMENT and (path, name) not in _NOT_TRIED
    ]
    for path, method, operation, place, name in sorted(found, key=lambda one: _gives(*one)):
        cases = []
        for value in (names[name], _nobodys(name)):
            body = _with(_body(path, method, operation, own), place, value)
            station_id = own["resting" if path == _RESTING else "station_id"]
            filled = path.format(**COMMON | own | {"station_id": station_id})
            cases.append(Case(method.upper(), filled, {}, body, (value,)))
        yield Pair(*cases)


def _gives(path: str, method: str, _: Document, place: Place, name: str) -> tuple[bool, bool]:
    """Order requests: those that give a name to something last, and what makes it last of them."""
    kind = path.split("/")[1]
    is_given = kind in ("sites", "id-tokens") or (kind == "stations" and name == "tag")
    return is_given or name == "name", method == "post"


def lists(document: Document) -> Iterator[str]:
    """Yield the path of each list that has pages."""
    for path, method, operation in _operations(document):
        names = [one["name"] for one in _parameters(operation, "query")]
        if method == "get" and "cursor" in names:
            yield path


def reads(document: Document) -> Iterator[str]:
    """Yield the path of each route that is read."""
    return (path for path, method, _ in _operations(document) if method == "get")


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for full, operations in document["paths"].items():
        path = full.removeprefix("/api/v1")
        if path not in NOT_HERE:
            yield from ((path, method, operation) for method, operation in operations.items())


def _parameters(operation: Document, place: str) -> list[Document]:
    return [one for one in operation.get("parameters", []) if one["in"] == place]


def _nobodys(name: str) -> str:
    if name in _UUIDS:
        return "018f0000-0000-7000-8000-0000000000ff"
    if name == "serial_number":
        return "ABCDEF0123456789"
    return "2000000011" if name in NUMBERS else f"nothing-{next(_numbers)}"


# Bodies


def _schema(operation: Document) -> Document | None:
    content = operation.get("requestBody", {}).get("content", {})
    found: Document | None = content.get("application/json", {}).get("schema")
    return found


def _leaves(document: Document, schema: Document, place: Place = ()) -> Iterator[Place]:
    """Yield the place of each text and number; `*` is an item of a list."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for choice in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(choice, ()):
            yield from _leaves(document, one, place)
    for name, child in schema.get("properties", {}).items():
        yield from _leaves(document, child, (*place, name))
    if "items" in schema:
        yield from _leaves(document, schema["items"], (*place, "*"))
    if place and schema.get("type") in ("string", "integer") and "enum" not in schema:
        yield place


def _name_of(place: Place) -> str | None:
    """Return what a field names; None where it names nothing."""
    field = [step for step in place if step != "*"][-1]
    if field in _NAME_NOTHING or not _MAY_NAME.search(field):
        return None
    return _SPELLED.get(field, field.removesuffix("s") if place[-1] == "*" else field)


def _with(body: Any, place: Place, value: str) -> Any:
    """Return the body with a value at a place, and alone in the lists around it."""
    if not place:
        return int(value) if value.isdigit() else value
    step, rest = place[0], place[1:]
    if step == "*":
        return [_with(body[0] if body else {}, rest, value)]
    around = body if isinstance(body, dict) else {}
    return {**around, step: _with(around.get(step), rest, value)}


def _body(path: str, method: str, operation: Document, own: Names) -> Any:
    """Return a body that is right where what it names is there, with nothing of others in it."""
    if _schema(operation) is None:
        return None
    action = path.rpartition("/")[2]
    if "/commands/" in path:
        call = copy.deepcopy(CENTRAL_SYSTEM_CALLS[action])
        return {**call, "connectorId": BUSY_CONNECTOR} if "csChargingProfiles" in call else call
    fresh = f"fresh-{next(_numbers)}"
    station, token = {"station_id": own["station_id"]}, {"id_token": own["id_token"]}
    transaction = {"transaction_id": int(own["transaction_id"])}
    bodies: dict[str, Any] = {
        "/auth/session": {"password": "another password"},
        "/stations": {"station_id": fresh},
        "/stations/{station_id}/connectors/{connector_id}/hardware": {"max_power_w": 1_000},
        "/stations/{station_id}/password": {"password": PASSWORD},
        "/stations/{station_id}/log-jobs": {"log_type": "SecurityLog"},
        "/stations/{station_id}/firmware-jobs": _FIRMWARE,
        "/stations/{station_id}/certificates/delete": {
            "certificate_type": "CentralSystemRootCertificate", "serial_number": "01",
        },
        "/reservations": {**station, **token, "connector_id": 1, **_ENDS},
        "/events/replays": {"after": 0, "types": ["nothing"]},
        "/command-groups": {"action": "Reset", "payload": {"type": "Soft"}, "to": {}},
        "/configuration-templates": {"name": fresh, "values": _VALUES},
        "/configuration-templates/{template_id}": {"name": fresh, "values": _VALUES},
        "/firmware-rollouts": {"name": "own", **_FIRMWARE},
        "/transactions/bulk/close": {**station, "reason": "bulk"},
        "/transactions/{transaction_id}/close": {"meter_stop": 1, "reason": "one"},
        "/quarantine/bulk/reconcile": {**station, **transaction},
        "/quarantine/bulk/dismiss": station,
        "/quarantine/{item_id}/reconcile": transaction,
        "/id-tokens": {"id_token": fresh},
        "/sites": {"name": "Own"},
        "/tariffs": {"name": fresh, "tariff": TARIFF},
        "/tariffs/{tariff_id}": {"name": fresh, "tariff": TARIFF},
        "/tariffs/{tariff_id}/simulate": _SESSION,
        "/tariff-assignments": {"tariff_id": own["tariff_id"]},
        "/users": {"username": fresh, "password": PASSWORD, "role": "viewer"},
        "/users/me/password": {"current_password": fresh, "new_password": fresh},
        "/users/{username}": {"role": "viewer"},
        "/api-keys": {"name": fresh, "role": "viewer"},
    }  # fmt: skip
    return copy.deepcopy(bodies.get(path, {}))
