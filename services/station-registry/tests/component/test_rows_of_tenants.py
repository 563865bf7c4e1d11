"""What stations bring about is stored and told as their tenant's."""

from typing import Any

import pytest
from driven_registry import Registry

from csms_shared.service.inbox import Work


async def _tenants_of(registry: Registry, table: str) -> list[str]:
    rows = await registry.query(f"SELECT tenant_id FROM {table} ORDER BY 1")
    return [row.tenant_id for row in rows]


@pytest.fixture
async def moved(registry: Registry) -> Registry:
    """A station that was another tenant's when it was claimed."""
    await registry.send([registry.claim("A", "c1")])
    await registry.query("UPDATE station SET tenant_id = 'now'")
    await registry.query("DELETE FROM outbox")
    await registry.query("DELETE FROM station_history")
    return registry


def _call(registry: Registry, action: str, payload: dict[str, Any], **more: Any) -> Any:
    return registry.call(action, "A", payload, tenant_id="before", **more)


async def test_what_a_station_says_is_of_the_tenant_that_its_connection_was_claimed_for(
    moved: Registry,
) -> None:
    at = {"timestamp": "2026-11-20T08:00:00Z"}
    await moved.send(
        [
            _call(moved, "SecurityEventNotification", {"type": "SettingSystemTime", **at}),
            _call(moved, "DataTransfer", {"vendorId": "V"}, seq=2),
            _call(
                moved,
                "StatusNotification",
                {"connectorId": 1, "status": "Available", "errorCode": "NoError"},
                seq=3,
            ),
        ]
    )
    assert await _tenants_of(moved, "security_event") == ["before"]
    assert await _tenants_of(moved, "data_transfer") == ["before"]
    told = {event["type"]: event["tenantid"] for event in await moved.events()}
    assert len(told) == 4
    assert set(told.values()) == {"before"}


async def test_what_happens_to_a_station_is_of_the_tenant_that_has_it(moved: Registry) -> None:
    await moved.send([moved.release("A", "c1", 1)])
    assert await _tenants_of(moved, "station_history") == ["now"]
    told = await moved.events()
    assert {event["type"] for event in told} == {
        "csms.station.disconnected.v1",
        "csms.station.offline.v1",
    }
    assert {event["tenantid"] for event in told} == {"now"}


async def test_orders_and_jobs_are_of_the_tenant_that_has_the_station(moved: Registry) -> None:
    await moved.request(
        "jobs.create",
        tenant_id="now",
        job_id="0199fb6e-0000-7000-8000-000000000001",
        station_id="A",
        action="GetDiagnostics",
        payload={"location": "ftp://files.example/a"},
        timeout_s=60,
        deadline_ms=2**41,
        created_by="admin",
    )
    assert await _tenants_of(moved, "station_job") == ["now"]
    assert {event["tenantid"] for event in await moved.events("job.created")} == {"now"}
    (order,) = await moved.events("command-api.orders")
    assert order["tenant_id"] == "now"


async def test_what_concerns_no_known_station_is_of_the_default_tenant(moved: Registry) -> None:
    def refusal(station_id: str) -> dict[str, Any]:
        return {
            "station_id": station_id,
            "remote_address": "192.0.2.1",
            "reason": "bad_credentials",
            "detail": "wrong",
            "http_status": 401,
            "refused_ms": 1_780_000_000_000,
        }

    await moved.send([Work("refusals.v1", {"gateway_id": "g"}, refusal(name)) for name in "AB"])
    rows = await moved.query("SELECT station_id, tenant_id FROM refusal ORDER BY 1")
    assert [tuple(row) for row in rows] == [("A", "now"), ("B", "default")]
    told = await moved.events("security.connection_refused")
    assert sorted((event["subject"], event["tenantid"]) for event in told) == [
        ("A", "now"),
        ("B", "default"),
    ]
