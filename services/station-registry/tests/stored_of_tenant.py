"""A tenant's rows of every kind, for tests that try to reach them from another tenant."""

from typing import Any
from uuid import UUID

from driven_registry import Registry

from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Work

JOB, ROLLOUT = UUID(int=1), UUID(int=2)
FINGERPRINT = "f" * 64
TASK: dict[str, Any] = {
    "action": "UpdateFirmware",
    "payload": {"location": "ftp://files.example/a", "retrieveDate": "2026-11-20T08:00:00Z"},
    "timeout_s": 60,
    "created_by": "admin",
}


async def make_tenants(registry: Registry, *names: str) -> None:
    """Make tenants."""
    for name in names:
        await registry.request("tenants.create", new_tenant_id=name, name=name)


async def store_all(registry: Registry, tenant_id: str, station_id: str) -> dict[str, Any]:
    """Store something of everything; returns the ids that are made up on the way."""

    async def ask(operation: str, **parameters: Any) -> Any:
        return await registry.request(operation, tenant_id=tenant_id, **parameters)

    await ask("sites.create", site_id="P1", name="Harbour")
    await ask("sites.create", site_id="P2", name="Without stations")
    await ask("stations.create", station_id=station_id, site_id="P1", tags=["fast"])
    await ask("connector_hardware.set", station_id=station_id, connector_id=1, max_power_w=11_000)
    await registry.send([registry.claim(station_id, "c1")])
    await registry.send(
        [
            _call(registry, tenant_id, station_id, action, payload, seq)
            for seq, (action, payload) in enumerate(
                (
                    ("BootNotification", registry.boot()),
                    (
                        "StatusNotification",
                        {"connectorId": 1, "status": "Available", "errorCode": "NoError"},
                    ),
                    (
                        "SecurityEventNotification",
                        {"type": "SettingSystemTime", "timestamp": "2026-11-20T08:00:00Z"},
                    ),
                )
            )
        ]
    )
    refused = {
        "station_id": station_id,
        "remote_address": "192.0.2.1",
        "reason": "flapping",
        "detail": "",
        "http_status": 429,
        "refused_ms": now_ms(),
    }
    await registry.send([Work("refusals.v1", {"gateway_id": "g"}, refused)])
    await ask("jobs.create", job_id=JOB, station_id=station_id, deadline_ms=2**41, **TASK)
    wanted = {"name": "all", "send_within_s": 60, "concurrency": 1}
    await ask("rollouts.create", rollout_id=ROLLOUT, station_ids=[station_id], **wanted, **TASK)
    template = await ask(
        "configuration_templates.create", name="T", values={"a": "1"}, tags=["fast"]
    )
    await registry.query(
        "INSERT INTO configuration_value (station_id, key, name, value, readonly, known) "
        "VALUES (:station_id, 'a', 'a', '2', false, true)",
        station_id=station_id,
    )
    await registry.query(
        "INSERT INTO certificate (tenant_id, fingerprint, station_id, source, serial_number, "
        "subject, issuer, not_before, not_after, pem, chain, status) VALUES (:tenant_id, "
        ":fingerprint, :station_id, 'operator', 'AB', 's', 'i', now(), now(), 'p', 'c', 'issued')",
        tenant_id=tenant_id,
        station_id=station_id,
        fingerprint=FINGERPRINT,
    )
    (refusal,) = await registry.query("SELECT id FROM refusal")
    return {"template_id": template.template_id, "id": refusal.id}


def _call(
    registry: Registry,
    tenant_id: str,
    station_id: str,
    action: str,
    payload: dict[str, Any],
    seq: int,
) -> Work:
    return registry.call(action, station_id, payload, seq=seq, tenant_id=tenant_id)
