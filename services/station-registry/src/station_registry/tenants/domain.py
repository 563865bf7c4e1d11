"""What a tenant is, what a change makes of it, and whether it may have more stations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from csms_shared.contracts.requests import FieldProblem, Problem
from csms_shared.contracts.tenants import ChangeTenant, CreateTenant, TenantStatus
from csms_shared.values.tenants import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Tenant:
    """An operator; `max_stations` and `max_requests_per_s`: None where there is no bound."""

    tenant_id: str
    name: str
    status: TenantStatus
    party_id: str | None
    country_code: str | None
    time_zone: str | None
    max_stations: int | None
    max_requests_per_s: int | None


TENANT_FIELDS = tuple(field.name for field in fields(Tenant))
_SETTABLE = frozenset(TENANT_FIELDS) - {"tenant_id"}
_DETAILS = tuple(sorted(_SETTABLE - {"status"}))
_NEEDED = ("name", "status")


@dataclass(frozen=True, slots=True)
class StationQuota:
    """How many stations a tenant has and may have, and whether they may connect."""

    tenant_id: str
    stations: int
    max_stations: int | None
    active: bool

    def room_for(self, more: int) -> int:
        """Return how many of `more` stations there is room for."""
        if self.max_stations is None:
            return more
        return min(more, max(0, self.max_stations - self.stations))


def new_tenant(wanted: CreateTenant) -> Tenant:
    """Return the tenant that is asked for."""
    values = _values(wanted, _DETAILS)
    return Tenant(tenant_id=wanted.new_tenant_id, status=TenantStatus.ACTIVE, **values)


def changed_tenant(before: Tenant, wanted: ChangeTenant) -> Tenant | Problem:
    """Take over the fields named in `set`.

    The default tenant is of whoever runs the deployment: it is not suspended.
    """
    wrong = [(name, "can't be changed") for name in sorted(wanted.set - _SETTABLE)]
    wrong += [
        (name, "is not null")
        for name in _NEEDED
        if name in wanted.set and getattr(wanted, name) is None
    ]
    if wrong:
        return Problem(
            status=422,
            code="invalid_request",
            detail="the tenant is not valid",
            errors=tuple(FieldProblem(field=name, message=message) for name, message in wrong),
        )
    changed = replace(before, **_values(wanted, wanted.set))
    if changed.tenant_id == DEFAULT_TENANT and changed.status is TenantStatus.SUSPENDED:
        message = f"{DEFAULT_TENANT} is not suspended"
        return Problem(
            status=409,
            code="default_tenant",
            detail=f"the tenant {DEFAULT_TENANT} is of whoever runs the deployment: {message}",
            errors=(FieldProblem(field="status", message=message),),
        )
    return changed


def why_no_more(tenant_id: str, quota: StationQuota | None) -> str:
    """Say why a tenant is given no station that nobody created; empty where it may have one."""
    if quota is None:
        return f"there is no tenant {tenant_id}, whose unknown stations are to be"
    if not quota.active:
        return f"the tenant {tenant_id}, whose unknown stations are to be, is suspended"
    if not quota.room_for(1):
        return f"the tenant {tenant_id} has all of its {quota.max_stations} stations"
    return ""


def _values(wanted: CreateTenant | ChangeTenant, names: Iterable[str]) -> Mapping[str, Any]:
    return {name: getattr(wanted, name) for name in names}
