"""The OpenAPI document: valid, whole, and true of what the routes answer."""

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
import pytest_asyncio
from command_api_fakes import Stations
from openapi_spec_validator import OpenAPIV31SpecValidator

from csms_shared.ocpp.actions import command_actions
from csms_shared.ocpp.versions import OCPP16

pytestmark = pytest.mark.asyncio(loop_scope="package")

Node = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
HEADERS = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}
LOG = {"remoteLocation": "https://files.example/log"}
COMMAND = "/api/v1/stations/{station_id}/commands/"


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def document(rest_url: str) -> Node:
    """The document as it is served."""
    async with httpx.AsyncClient(base_url=rest_url, trust_env=False) as client:
        served: Node = (await client.get("/openapi.json")).json()
    return served


def nodes(node: object) -> Iterator[Node]:
    """Every object of the document, at any depth."""
    children: list[object] = []
    if isinstance(node, dict):
        yield node
        children = list(node.values())
    elif isinstance(node, list):
        children = node
    for child in children:
        yield from nodes(child)


def operations(document: Node) -> Iterator[tuple[str, Node]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def schema_of(document: Node, schema: Node) -> Node:
    """A schema by itself: the components that it refers to are beside it."""
    return {**schema, "components": document["components"]}


def resolved(document: Node, reference: str) -> Node | None:
    """The object that a reference leads to; None where it leads to none."""
    assert reference.startswith("#/"), reference
    found: object = document
    for step in reference.removeprefix("#/").split("/"):
        if not isinstance(found, dict) or step not in found:
            return None
        found = found[step]
    return found if isinstance(found, dict) else None


async def test_every_reference_leads_somewhere(document: Node) -> None:
    references = [node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)]
    assert len(references) > 100
    assert [one for one in references if resolved(document, one) is None] == []


async def test_the_document_is_valid_openapi_and_its_schemas_are_valid_json_schema(
    document: Node,
) -> None:
    assert document["openapi"].startswith("3.1.")
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": DIALECT, **schema})


async def test_every_example_is_valid(document: Node) -> None:
    tried = 0
    for name, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"]
            examples = [content["example"]] if "example" in content else []
            target = resolved(document, schema["$ref"]) if "$ref" in schema else schema
            assert target is not None, name
            validator = jsonschema_rs.Draft202012Validator(
                schema_of(document, schema), validate_formats=True
            )
            for example in [*examples, *target.get("examples", [])]:
                assert [str(error) for error in validator.iter_errors(example)] == [], name
                tried += 1
    assert tried > 30


async def test_every_operation_names_the_problems_that_follow_from_what_it_is(
    document: Node,
) -> None:
    for name, operation in operations(document):
        answers = operation["responses"]
        is_open = operation.get("security") == []
        logs_in = name.endswith(("/auth/token", "/auth/session"))
        needs = operation["description"].rpartition("Needs the role ")[2]
        assert is_open or needs in ("viewer.", "operator.", "admin."), name
        expected = {
            "401": not is_open or logs_in,
            "403": name.endswith("/auth/session")
            or (
                not is_open
                and (
                    needs != "viewer."
                    or "outside_scope" in operation["description"]
                    # From a page of elsewhere.
                    or not name.startswith("GET ")
                )
            ),
            "429": not is_open or logs_in,
            "413": "requestBody" in operation,
            "415": "requestBody" in operation,
            "422": True,
            "503": True,
        }
        assert {status: status in answers for status in expected} == expected, name
        if "{" in name:
            assert "404" in answers, name
        for status, answer in answers.items():
            assert answer["description"], name
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], name
        for status in HEADERS.keys() & answers.keys():
            assert answers[status]["headers"][HEADERS[status]]["required"], name


async def test_there_is_one_documented_operation_per_command_action(document: Node) -> None:
    actions = {path.removeprefix(COMMAND) for path in document["paths"] if path.startswith(COMMAND)}
    assert actions == set(command_actions(OCPP16))
    assert len(actions) == 26
    schema = _payload(document, "Reset")
    assert schema["properties"]["type"]["enum"] == ["Hard", "Soft"]
    assert "$schema" not in schema
    assert len(_payload(document, "RemoteStopTransaction")["oneOf"]) == 2
    operation_ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(operation_ids) == len(set(operation_ids))
    assert "HTTPValidationError" not in document["components"]["schemas"]


@pytest.mark.parametrize(
    ("action", "payload", "valid"),
    [
        # A field that is called as a keyword of schemas is.
        ("ClearChargingProfile", {"id": 1}, True),
        ("ClearChargingProfile", {"id": 2**63}, False),
        # OCPP's text bounds these, its schemas do not.
        ("UnlockConnector", {"connectorId": 0}, False),
        ("SendLocalList", {"listVersion": 0, "updateType": "Full"}, False),
        ("DataTransfer", {"vendorId": "a\0b"}, False),
        # JSON has one kind of number, and this one is whole.
        ("UnlockConnector", {"connectorId": 1.0}, True),
        ("UnlockConnector", {"connectorId": 1.5}, False),
        ("GetDiagnostics", {"location": "ftp://h/", "startTime": "0001-01-01T00:00:00Z"}, False),
        ("GetDiagnostics", {"location": "ftp://h/", "startTime": "1970-01-01T00:00:00Z"}, True),
        # By reference to a type of the whitepaper's.
        ("GetLog", {"logType": "None", "requestId": 1, "log": LOG}, False),
        (
            "GetLog",
            {"logType": "SecurityLog", "requestId": 1, "log": LOG},
            True,
        ),
    ],
)
async def test_payloads_are_documented_as_the_route_takes_them(
    document: Node,
    admin: httpx.AsyncClient,
    stations: Stations,
    action: str,
    payload: Node,
    valid: bool,
) -> None:
    validator = jsonschema_rs.Draft202012Validator(
        schema_of(document, _payload(document, action)), validate_formats=True
    )
    assert validator.is_valid(payload) is valid
    answer = await admin.post(f"/stations/{stations.online()}/commands/{action}", json=payload)
    assert (answer.status_code == 422) is not valid, answer.text


@pytest.mark.parametrize(
    ("operation", "body", "valid"),
    [
        ("POST /stations", {"station_id": "BODIES", "password": "short"}, False),
        ("POST /stations", {"station_id": "BODIES", "password": "x" * 16}, True),
        ("POST /stations", {"station_id": "BODIES", "password": "x" * 41}, False),
        ("PUT /stations/{station_id}/password", {"password": "x" * 15}, False),
        ("PATCH /stations/{station_id}", {"strict": None}, False),
        ("PATCH /stations/{station_id}", {"heartbeat_interval": None}, True),
        ("PATCH /id-tokens/{id_token}", {"status": None}, False),
        ("PATCH /id-tokens/{id_token}", {"expires_at": "9999-12-31T23:59:59Z"}, True),
        ("PATCH /id-tokens/{id_token}", {"expires_at": "0001-01-01T00:00:00Z"}, False),
        ("POST /id-tokens", {"id_token": " \u3000"}, False),
        ("POST /configuration-templates", {"name": "n", "values": {"": "x"}}, False),
        ("POST /configuration-templates", {"name": "n", "values": {"": 1, "Key": "x"}}, False),
        ("POST /configuration-templates", {"name": "n", "values": {"K" * 51: "x"}}, False),
    ],
)
async def test_bodies_are_documented_as_the_routes_take_them(
    document: Node, admin: httpx.AsyncClient, operation: str, body: Node, valid: bool
) -> None:
    method, path = operation.split()
    documented = document["paths"][f"/api/v1{path}"][method.lower()]["requestBody"]["content"]
    schema = documented["application/json"]["schema"]
    validator = jsonschema_rs.Draft202012Validator(
        schema_of(document, schema), validate_formats=True
    )
    assert validator.is_valid(body) is valid
    named = path.format(station_id="BODIES", id_token="BODIES")
    answer = await admin.request(method, named, json=body)
    assert (answer.status_code == 422) is not valid, answer.text


def _payload(document: Node, action: str) -> Node:
    content = document["paths"][COMMAND + action]["post"]["requestBody"]["content"]
    schema: Node = content["application/json"]["schema"]
    return schema


async def test_no_name_of_a_template_and_none_of_its_keys_may_hold_nul(document: Node) -> None:
    path = "/api/v1/configuration-templates"
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema = jsonschema_rs.validator_for(schema_of(document, body))
    template = {"name": "A", "values": {"HeartbeatInterval": "60"}}
    assert schema.is_valid(template)
    assert not schema.is_valid({**template, "name": "A\0"})
    assert not schema.is_valid({**template, "values": {"Heartbeat\0Interval": "60"}})


async def test_any_of_three_credentials_suffices_and_a_browsers_is_a_cookie(document: Node) -> None:
    schemes = document["components"]["securitySchemes"]
    assert document["security"] == [{name: []} for name in schemes]
    assert [(one["type"], one.get("in"), one.get("name")) for one in schemes.values()] == [
        ("oauth2", None, None),
        ("apiKey", "header", "X-API-Key"),
        ("apiKey", "cookie", "csms_session"),
    ]
    for text in (schemes["session"]["description"], document["info"]["description"]):
        assert "X-Requested-With" in text
