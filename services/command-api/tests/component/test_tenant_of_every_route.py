"""Every route asks for the tenant of whoever asks it, or answers of what it stores itself."""

from typing import Any

import httpx
import pytest
from command_api_fakes import Stations, is_problem
from tenants_of_api import Tenants, key_of

from csms_shared.ocpp.actions import commands as command_actions
from csms_shared.ocpp.versions import OCPP16

pytestmark = pytest.mark.asyncio(loop_scope="package")

# Of what this service stores itself: `test_tenants_apart` tries them with another tenant's ids.
_OWN = {
    ("post", "/api/v1/auth/logout"),
    ("get", "/api/v1/status"),
    ("get", "/api/v1/users/me"),
    ("put", "/api/v1/users/me/password"),
    ("get", "/api/v1/users"),
    ("post", "/api/v1/users"),
    ("get", "/api/v1/users/{username}"),
    ("patch", "/api/v1/users/{username}"),
    ("delete", "/api/v1/users/{username}"),
    ("get", "/api/v1/users/{username}/sessions"),
    ("delete", "/api/v1/users/{username}/sessions"),
    ("delete", "/api/v1/users/{username}/sessions/{session_id}"),
    ("get", "/api/v1/api-keys"),
    ("post", "/api/v1/api-keys"),
    ("delete", "/api/v1/api-keys/{key_id}"),
    ("get", "/api/v1/commands"),
    ("get", "/api/v1/commands/{command_id}"),
    ("post", "/api/v1/commands/{command_id}/cancel"),
    ("get", "/api/v1/command-groups"),
    ("get", "/api/v1/command-groups/{command_group_id}"),
    ("get", "/api/v1/command-groups/{command_group_id}/commands"),
    ("post", "/api/v1/command-groups/{command_group_id}/cancel"),
    ("get", "/api/v1/audit"),
    ("get", "/api/v1/events"),
    ("get", "/api/v1/jobs/{job_id}/uploads/{upload_id}"),
}
# What the document has no example of.
_BODIES: dict[tuple[str, str], Any] = {
    ("patch", "/api/v1/sites/{site_id}"): {"name": "x"},
    ("post", "/api/v1/stations"): {"station_id": "x"},
    ("patch", "/api/v1/stations/{station_id}"): {"display_name": "x"},
    ("put", "/api/v1/stations/{station_id}/password"): {"password": "a password of 20"},
    ("put", "/api/v1/stations/{station_id}/connectors/{connector_id}/hardware"): {},
    ("put", "/api/v1/stations/{station_id}/local-list"): {},
    ("post", "/api/v1/stations/{station_id}/configuration/refresh"): {},
    ("post", "/api/v1/transactions/{transaction_id}/close"): {"meter_stop": 1, "reason": "x"},
    ("post", "/api/v1/quarantine/{item_id}/reconcile"): {"transaction_id": 1},
    ("post", "/api/v1/id-tokens"): {"id_token": "x"},
    ("patch", "/api/v1/id-tokens/{id_token}"): {"status": "blocked"},
    ("post", "/api/v1/certificates/{certificate_id}/revoke"): {},
    ("post", "/api/v1/stations/{station_id}/certificates/delete"): {
        "serial_number": "1",
        "hash_algorithm": "SHA256",
        "issuer_name_hash": "0",
        "issuer_key_hash": "0",
    },
    ("post", "/api/v1/reservations"): {
        "connector_id": 1,
        "expires_at": "2099-01-01T00:00:00Z",
        "id_token": "x",
        "station_id": "x",
    },
}
_IDS = {"transaction_id", "reservation_id", "refusal_id", "connector_id"}


@pytest.fixture
def tenants(stations: Stations) -> Tenants:
    known = Tenants()
    known.answer_in(stations.registry)
    return known


async def _document(rest_url: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as client:
        found: dict[str, Any] = (await client.get(f"{rest_url}/openapi.json")).json()
    return found


def _body(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Any:
    if (method, path) in _BODIES:
        return _BODIES[method, path]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if "example" in content:
            return content["example"]
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        schema = document["components"]["schemas"].get(name, content["schema"])
        return schema.get("examples", [{}])[0]
    return None


def _target(path: str, operation: dict[str, Any]) -> str:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            name = parameter["name"]
            value = "1" if name in _IDS else "018f0000-0000-7000-8000-000000000001"
            path = path.replace(f"{{{name}}}", value)
    needed = [
        f"{parameter['name']}=1"
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter.get("required")
    ]
    return path + ("?" + "&".join(needed) if needed else "")


# Who asks is looked up, and the hub of streams asks by itself how far the store is.
_OF_NO_REQUEST = ("tenants.get", "events.head")
# What is asked without a request, of what other tests have left behind: passwords that are to be
# set, and who holds the stations of held commands.
_OF_OTHERS = {("stations.set_password", "default"), ("owners.look_up", "default")}


async def test_every_route_asks_for_the_tenant_of_who_asks(
    admin: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    rest_url: str,
    stations: Stations,
    tenants: Tenants,
) -> None:
    """Every one of the document: a new route is of the deployment, asks, or is in `_OWN`."""
    tenant_id = tenants.new()
    key = await key_of(admin, tenant_id)
    document = await _document(rest_url)
    services = (
        stations.registry,
        stations.sessions,
        stations.store.service,
        stations.billing.service,
    )
    commands = set(command_actions(OCPP16))
    tried = 0
    for path, operations in document["paths"].items():
        action = path.rpartition("/")[2]
        for method, operation in operations.items():
            if operation.get("security") == [] or (method, path) in _OWN:
                continue
            if "/commands/" in path and action in commands:
                # Where its station is, is asked for many at once: `seen_by` tells whose it is.
                continue
            before = [len(service.requests) for service in services]
            answer = await nobody.request(
                method,
                _target(path, operation),
                json=_body(document, method, path, operation),
                headers=key,
                timeout=60,
            )
            asked = [
                (operation, service.tenants[number])
                for service, since in zip(services, before, strict=True)
                for number, (operation, _) in enumerate(service.requests)
                if number >= since
                and operation not in _OF_NO_REQUEST
                and (operation, service.tenants[number]) not in _OF_OTHERS
            ]
            if "belongs to the deployment" in operation["description"]:
                is_problem(answer, 403, "forbidden")
                assert asked == []
            else:
                assert asked, (method, path, answer.status_code, answer.text)
                assert {tenant for _, tenant in asked} == {tenant_id}, (method, path, asked)
            tried += 1
    assert tried > 70
