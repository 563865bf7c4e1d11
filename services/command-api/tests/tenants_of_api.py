"""Two tenants beside the default one, as station-registry knows them, and who asks for them."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx
from fake_service import FakeService

from csms_shared.contracts.refusals import refuse


@dataclass(slots=True)
class Tenants:
    """Tenants that a registry answers about; `rates` bounds their requests in a second."""

    known: set[str] = field(default_factory=set)
    rates: dict[str, int] = field(default_factory=dict)

    def answer_in(self, registry: FakeService) -> None:
        """Have the registry answer about them."""
        registry.operations["tenants.get"] = self._get

    def new(self) -> str:
        """Make a tenant and return its id."""
        tenant_id = f"tenant-{secrets.token_hex(6)}"
        self.known.add(tenant_id)
        return tenant_id

    def _get(self, parameters: dict[str, Any]) -> dict[str, Any]:
        tenant_id = parameters["named_tenant_id"]
        if tenant_id not in self.known | {"default"}:
            raise refuse(404, "not_found", f"there is no tenant {tenant_id}")
        return {
            "tenant_id": tenant_id,
            "name": tenant_id,
            "status": "active",
            "max_requests_per_s": self.rates.get(tenant_id),
            "created_at": "2026-11-20T00:00:00.000Z",
            "updated_at": "2026-11-20T00:00:00.000Z",
        }


async def key_of(
    admin: httpx.AsyncClient, tenant_id: str, role: str = "admin", **fields: Any
) -> dict[str, str]:
    """Create an API key of a tenant and return the header that bears it."""
    answer = await admin.post(
        "/api-keys",
        json={"name": secrets.token_hex(6), "role": role, **fields},
        headers={"X-Tenant": tenant_id},
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["tenant_id"] == tenant_id
    return {"X-API-Key": answer.json()["key"]}
