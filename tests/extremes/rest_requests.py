"""Requests of every documented route, each with one value in it that is an extreme."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from csms_shared.values.tenants import DEFAULT_TENANT
from tests.extremes.extreme_values import ALL, INTEGERS, NUMBERS, TIMES, extremes_of, written
from tests.extremes.valid_payloads import places, replaced, value_at

Document = dict[str, Any]

TARIFF = {
    "currency": "EUR",
    "elements": [
        {
            "price_components": [{"type": "ENERGY", "price": 0.45, "vat": 19, "step_size": 1}],
            "restrictions": {"start_time": "08:00", "min_kwh": 1.5, "max_duration": 3600},
        }
    ],
    "min_price": {"excl_vat": 0.5, "incl_vat": 0.6},
    "start_date_time": "2020-01-01T00:00:00Z",
}

_AT = "2099-12-31T00:00:00Z"
# What a route needs beyond what its schema says.
_BODIES: Mapping[str, Any] = {
    "/id-tokens": {"id_token": "EXTREME", "expires_at": _AT, "group_id": "g", "max_concurrent": 1},
    # Each is a site of its own, so that it is stored.
    "/sites": {"site_id": None},
    # By its stations or by what they have in common.
    "/command-groups": {
        "action": "Reset",
        "payload": {"type": "Soft"},
        "to": {"station_ids": ["NAMED"]},
    },
    # From a time or after a position.
    "/events/replays": {"after": 0, "from": None},
    # It stays where it is looked for.
    "/stations/{station_id}/tenant": {"tenant_id": DEFAULT_TENANT},
    "/tariffs": {"name": "Extreme", "tariff": TARIFF},
    "/tariffs/{tariff_id}": {"name": "Extreme", "tariff": TARIFF},
    # To one thing.
    "/tariff-assignments": {
        **dict.fromkeys(("group_id", "station_id", "tag", "site_id", "valid_to")),
        "id_token": "EXTREME",
    },
    "/tenants": {"tenant_id": "extreme"},
    "/users": {"username": "extreme", "password": "long enough", "role": "viewer"},
    "/users/{username}": {"role": "viewer"},
}
# In a query and in a path, everything is text.
_TEXTS = tuple(
    dict.fromkeys(
        [*(text for text in ALL if isinstance(text, str) and "\ud800" not in text
           and "\udfff" not in text and len(text) < 2_000),
         *(str(number) for number in (*INTEGERS, *NUMBERS))]
    )
)  # fmt: skip
# It answers for as long as it is listened to.
_ENDLESS = "/events"
# Each wrong one counts as a guess at the password of whoever asks.
_GUESSES = "/users/me/password"


@dataclass(frozen=True, slots=True)
class Case:
    """One request; `body` is the text of its JSON, `form` the fields of one.

    `likely` to find something: a short run sends more of these than of the others.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    form: tuple[tuple[str, str], ...] | None = None
    likely: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.query} {(self.body or '')[:300]} {self.form or ''}"


class Routes:
    """The routes of an OpenAPI document; `names` are values of path parameters that exist."""

    def __init__(self, document: Document, names: Mapping[str, str]) -> None:
        self._document = document
        self._names = names

    def reading(self) -> set[str]:
        """Return the paths of all routes that only read."""
        return {path for path, operations in self._paths() if "get" in operations}

    def cases(self) -> Iterator[Case]:
        """Yield the requests of every route but those of commands."""
        for path, operations in self._paths():
            if "/commands/" in path and "{station_id}" in path:
                continue
            for method, operation in operations.items():
                parameters = operation.get("parameters", [])
                if path != _ENDLESS:
                    yield from self._queries(method, path, parameters)
                yield from self._in_paths(method, path, parameters)
                if path != _GUESSES:
                    yield from self._bodies(method, path, operation)

    def valid_body(self, path: str, method: str) -> Any:
        """Return a body that the schema allows, None where the request has none."""
        operation = self._document["paths"][f"/api/v1{path}"][method]
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return None
        schema = content["application/json"]["schema"]
        return {**self._valid(schema), **_BODIES.get(path, {})}

    def _paths(self) -> Iterator[tuple[str, Document]]:
        for path, operations in self._document["paths"].items():
            yield path.removeprefix("/api/v1"), operations

    def _queries(self, method: str, path: str, parameters: list[Document]) -> Iterator[Case]:
        if method != "get":
            return
        needed = [(one["name"], "1") for one in parameters if one.get("required")
                  and one["in"] == "query"]  # fmt: skip
        for parameter in parameters:
            if parameter["in"] != "query":
                continue
            others = [pair for pair in needed if pair[0] != parameter["name"]]
            is_time = "date-time" in json.dumps(parameter["schema"])
            for value in TIMES if is_time else _TEXTS:
                query = (*others, (parameter["name"], value))
                yield Case(method.upper(), self._path(path), query, likely=is_time)

    def _in_paths(self, method: str, path: str, parameters: list[Document]) -> Iterator[Case]:
        for parameter in parameters:
            if parameter["in"] == "path":
                for value in _TEXTS:
                    # No segment at all is another route.
                    if value and value not in self._names.values():
                        yield Case(method.upper(), self._path(path, {parameter["name"]: value}))

    def _bodies(self, method: str, path: str, operation: Document) -> Iterator[Case]:
        content = operation.get("requestBody", {}).get("content", {})
        if "application/x-www-form-urlencoded" in content:
            for value in _TEXTS:
                for name in ("username", "grant_type"):
                    form = {"username": "u", "password": "p", name: value}
                    yield Case(method.upper(), path, form=tuple(form.items()))
        valid = self.valid_body(path, method)
        if valid is None:
            return
        for place in places(valid):
            for extreme in extremes_of(value_at(valid, place)):
                body = written(replaced(valid, place, extreme.value))
                yield Case(method.upper(), self._path(path), body=body, likely=extreme.likely)

    def _path(self, path: str, others: Mapping[str, str] | None = None) -> str:
        for name, value in {**self._names, **(others or {})}.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return path

    def _valid(self, schema: Document) -> Any:
        """Return a document that the schema allows, with every field in it."""
        if "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for choice in ("anyOf", "oneOf"):
            if choice in schema and "properties" not in schema:
                return self._valid(schema[choice][0])
        if "enum" in schema:
            return schema["enum"][0]
        if "const" in schema:
            return schema["const"]
        match schema.get("type"):
            case "object" if "properties" in schema:
                fields = schema["properties"]
                return {name: self._valid_field(name, child) for name, child in fields.items()}
            case "object":
                return {"HeartbeatInterval": "300"}
            case "array":
                return [self._valid_field("", schema["items"])]
            case "string" if schema.get("format") == "date-time":
                return _AT
            case "string" if schema.get("format") == "date":
                return _AT[:10]
            case "boolean":
                return False
            case "integer":
                return schema.get("minimum", 1)
            case "number":
                return 1.5
        return "x" * max(schema.get("minLength", 1), 1)

    def _valid_field(self, name: str, schema: Document) -> Any:
        match name:
            case "period_begin" | "period_end":
                return "08:00"
            case "station_id" | "station_ids" | "site_id" | "site_ids" | "id_token":
                known = self._names[name.rstrip("s")]
                return [known] if name.endswith("s") else known
            case "serial_number":
                return "A1"
            case "location":
                return "https://firmware.example/2.0.bin"
            case "signature" | "signing_certificate" | "install_at":
                # Together with what nothing here could sign.
                return None
        return self._valid(schema)
