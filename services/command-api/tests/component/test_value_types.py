"""Numbers, flags, texts and times of requests: of their own type, in bounds, or 422 by name."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from command_api_fakes import is_problem

pytestmark = pytest.mark.asyncio(loop_scope="package")

_TOKEN = {"id_token": "04A1"}
_USER = {"password": "long enough", "role": "viewer"}
_CLOSING = {"meter_stop": 1, "reason": "r"}
_RESERVATION = {"station_id": "S", "connector_id": 1, "id_token": "T",
                "expires_at": "2099-01-01T00:00:00Z"}  # fmt: skip
_ZERO_TIME = "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/id-tokens", {**_TOKEN, "max_concurrent": 2**31}, "max_concurrent"),
        ("/id-tokens", {**_TOKEN, "max_concurrent": 2**63}, "max_concurrent"),
        ("/id-tokens", {**_TOKEN, "max_concurrent": True}, "max_concurrent"),
        ("/id-tokens", {**_TOKEN, "max_concurrent": "1"}, "max_concurrent"),
        ("/id-tokens", {**_TOKEN, "expires_at": _ZERO_TIME}, "expires_at"),
        ("/id-tokens", {**_TOKEN, "expires_at": 1763748000}, "expires_at"),
        ("/transactions/1/close", {**_CLOSING, "meter_stop": False}, "meter_stop"),
        ("/transactions/1/close", {**_CLOSING, "meter_stop": 0.5}, "meter_stop"),
        ("/transactions/1/close", {**_CLOSING, "meter_stop": 2**31}, "meter_stop"),
        ("/quarantine/1/reconcile", {"transaction_id": 2**63}, "transaction_id"),
        ("/quarantine/1/reconcile", {"transaction_id": True}, "transaction_id"),
        ("/reservations", {**_RESERVATION, "connector_id": True}, "connector_id"),
        ("/reservations", {**_RESERVATION, "expires_at": _ZERO_TIME}, "expires_at"),
        ("/id-tokens", {"id_token": "."}, "id_token"),
        ("/id-tokens", {"id_token": ".."}, "id_token"),
        ("/stations", {"station_id": "."}, "station_id"),
        ("/stations", {"station_id": ".."}, "station_id"),
        ("/users", {**_USER, "username": "."}, "username"),
        ("/users", {**_USER, "username": ".."}, "username"),
        ("/users", {**_USER, "username": "me"}, "username"),
        ("/stations", {"station_id": "S", "strict": 1}, "strict"),
        ("/stations", {"station_id": "S", "strict": "true"}, "strict"),
        ("/stations", {"station_id": "S", "security_profile": True}, "security_profile"),
        ("/stations/S/log-jobs", {"log_type": "SecurityLog", "to": _ZERO_TIME}, "to"),
        ("/stations/S/log-jobs", {"log_type": "SecurityLog", "retries": False}, "retries"),
    ],
)
async def test_a_value_of_another_type_or_out_of_bounds_names_its_field(
    admin: httpx.AsyncClient, path: str, body: dict[str, Any], field: str
) -> None:
    problem = is_problem(await admin.post(path, json=body), 422, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize("name", [".", ".."])
async def test_an_id_that_no_address_can_name_is_refused_with_the_reason(
    admin: httpx.AsyncClient, name: str
) -> None:
    answer = await admin.post("/stations", json={"station_id": name})
    assert is_problem(answer, 422, "validation_failed")["errors"] == [
        {
            "field": "station_id",
            "message": "must be neither `.` nor `..`, which no address can name",
        }
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("/security-events?from=", "from"),
        ("/security-events?to=0.5", "to"),
        ("/security-events?from=2026-11-21", "from"),
        (f"/security-events?from={_ZERO_TIME}", "from"),
        ("/transactions?to=9999-12-31T23:59:59.999999Z", "to"),
        ("/refusals?from=", "from"),
        ("/stations/S/messages?to=0.5", "to"),
        ("/stations?online=yes", "online"),
        ("/stations?limit=1_0", "limit"),
        ("/stations?limit=", "limit"),
        ("/certificates?expires_within_days=true", "expires_within_days"),
        ("/stations/S/charging-profiles?connector_id=9223372036854775808", "connector_id"),
        ("/stations/S/composite-schedule?connector_id=2147483648", "connector_id"),
        ("/refusals/9223372036854775808", "refusal_id"),
        ("/transactions/2147483648", "transaction_id"),
    ],
)
async def test_a_parameter_of_another_type_or_out_of_bounds_is_named(
    admin: httpx.AsyncClient, query: str, field: str
) -> None:
    problem = is_problem(await admin.get(query), 422, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    "body",
    [
        b'{"id_token": "\\ud800"}',
        b'{"id_token": "T", "max_concurrent": NaN}',
        b'{"id_token": ' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        b'{"id_token": "T", "max_concurrent": 1e999}',
    ],
)
async def test_what_another_parser_could_not_read_is_no_json(
    admin: httpx.AsyncClient, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await admin.post("/id-tokens", content=body, headers=headers)
    problem = is_problem(answer, 422, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == ["body"]


async def test_every_integer_that_a_request_may_hold_is_bounded(nobody: httpx.AsyncClient) -> None:
    document = (await nobody.get("/openapi.json")).json()
    integers = list(_integers_of_requests(document))
    assert len(integers) > 20
    unbounded = [place for place, schema in integers if not {"minimum", "maximum"} <= schema.keys()]
    assert unbounded == []


def _integers_of_requests(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the integers of parameters and bodies; payloads of commands are bounded by OCPP's."""
    for path, operations in document["paths"].items():
        if "/commands/" in path:
            continue
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                yield from _integers(document, f"{path} {parameter['name']}", parameter["schema"])
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield from _integers(document, path, content["schema"])


def _integers(
    document: dict[str, Any], place: str, schema: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "integer":
        yield place, schema
    for choice in schema.get("anyOf", ()):
        yield from _integers(document, place, choice)
    for name, child in schema.get("properties", {}).items():
        yield from _integers(document, f"{place} {name}", child)
    if "items" in schema:
        yield from _integers(document, place, schema["items"])
