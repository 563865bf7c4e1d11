"""Tenants, and requests on them that station-registry answers for a platform administrator.

These act for no tenant (ADR 0037). Times are RFC 3339 UTC with `Z`.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract, Open
from csms_shared.contracts.pages import PageQuery
from csms_shared.contracts.sites import Name
from csms_shared.values.numbers import Whole
from csms_shared.values.places import Country, TimeZone
from csms_shared.values.tenants import TenantId

# As OCPI has it: CiString(3).
PartyId = Annotated[str, Field(pattern="^[A-Z0-9]{3}$")]
StationQuota = Annotated[int, Whole(0, 10_000_000)]
RateQuota = Annotated[int, Whole(1, 1_000_000)]


class TenantStatus(StrEnum):
    """Whether a tenant's stations may connect."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class TenantDetails(Contract):
    """What is known of a tenant beside its name.

    `max_stations`: how many it may have; `max_requests_per_s`: how many requests of REST its users
    and keys may make. None: no bound of its own.
    """

    party_id: PartyId | None = None
    country_code: Country | None = None
    time_zone: TimeZone | None = None
    max_stations: StationQuota | None = None
    max_requests_per_s: RateQuota | None = None


class CreateTenant(TenantDetails):
    """A new tenant, which is active. `new_tenant_id` never changes."""

    new_tenant_id: TenantId
    name: Name


class ChangeTenant(TenantDetails):
    """Changes to a tenant; only the fields named in `set` are taken over."""

    changed_tenant_id: str
    set: frozenset[str]
    name: Name | None = None
    status: TenantStatus | None = None


class TenantName(Contract):
    """Names one tenant."""

    named_tenant_id: str


class ListTenants(PageQuery):
    """Filter of the list of tenants; `q` looks into id and name."""

    q: str | None = None


class TenantView(TenantDetails):
    """A tenant."""

    tenant_id: str
    name: str
    status: Open[TenantStatus]
    created_at: str
    updated_at: str


# operation -> parameters; results: Page[TenantView], TenantView (create, get, change).
TENANT_OPERATIONS: dict[str, type[BaseModel]] = {
    "tenants.list": ListTenants,
    "tenants.create": CreateTenant,
    "tenants.get": TenantName,
    "tenants.change": ChangeTenant,
}
