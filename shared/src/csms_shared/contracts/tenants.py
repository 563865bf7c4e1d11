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

    party_id: PartyId | None = Field(None, description="its party id in roaming (OCPI)")
    country_code: Country | None = Field(None, description="ISO 3166-1, two letters")
    time_zone: TimeZone | None = Field(None, description="name of the IANA time zone")
    max_stations: StationQuota | None = Field(
        None, description="how many stations it may have; null: no bound of its own"
    )
    max_requests_per_s: RateQuota | None = Field(
        None, description="how many requests of REST it may make in a second; null: the default"
    )


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


class TenantTold(TenantDetails):
    """A tenant as events tell it: without its times."""

    tenant_id: str = Field(description="the tenant")
    name: str = Field(description="its name")
    status: Open[TenantStatus] = Field(description="whether its stations may connect")


class TenantView(TenantTold):
    """A tenant."""

    created_at: str
    updated_at: str


# operation -> parameters; results: Page[TenantView], TenantView (create, get, change).
TENANT_OPERATIONS: dict[str, type[BaseModel]] = {
    "tenants.list": ListTenants,
    "tenants.create": CreateTenant,
    "tenants.get": TenantName,
    "tenants.change": ChangeTenant,
}
