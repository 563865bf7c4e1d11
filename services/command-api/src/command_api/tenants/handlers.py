"""What station-registry says of tenants, remembered for a few seconds.

Nobody's request waits to learn how often their tenant may ask: that is asked beside it, and goes by
what was known last while the registry is away.
"""

import asyncio
from dataclasses import dataclass, field

import structlog
from pydantic import ValidationError

from command_api.ports import ServiceAway, Services
from command_api.scopes.domain import limited_to
from command_api.tenants.domain import TokenBucket
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.tenants import TenantView
from csms_shared.runtime.clock import monotonic
from csms_shared.values.tenants import DEFAULT_TENANT

log = structlog.get_logger(__name__)

REMEMBERED_S = 10.0
_REMEMBERED_MAX = 10_000


class TooManyRequests(Exception):
    """A tenant's users and keys have asked as often as they may."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many requests of a tenant")
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Known:
    """`per_s` None: as often as they like. The bucket is this replica's.

    `asked`: the registry has told of it, some time.
    """

    exists: bool = False
    per_s: int | None = None
    time_zone: str | None = None
    until: float = 0.0
    asked: bool = False
    bucket: TokenBucket = field(default_factory=TokenBucket)


class Tenants:
    """Tells whether there is a tenant, and lets its requests pass as often as they may."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[str, _Known] = {}
        self._due: set[str] = set()
        self._wake = asyncio.Event()

    async def require(self, tenant_id: str) -> None:
        """Look whether there is such a tenant.

        Raises:
            ProblemRaised: 404, there is none.
            ServiceAway: the registry had to be asked and does not answer.
        """
        if tenant_id == DEFAULT_TENANT:
            return
        known = self._known.get(tenant_id)
        if known is None or not known.exists or known.until < monotonic():
            known = await self._ask(tenant_id)
        if not known.exists:
            raise unknown_tenant(tenant_id)

    async def time_zone(self, tenant_id: str) -> str | None:
        """Return the name of the tenant's time zone as it was known last, None where it has none.

        Raises:
            ServiceAway: the registry had to be asked and does not answer.
            ProblemRaised: it refuses.
        """
        known = self._known.get(tenant_id)
        if known is None or not known.asked:
            # It is the tenant's, whatever who asks is limited to.
            with limited_to(None):
                known = await self._ask(tenant_id)
        return known.time_zone

    def admit(self, tenant_id: str) -> None:
        """Count one request.

        Raises:
            TooManyRequests: the tenant has made as many as it may, at this replica.
        """
        now = monotonic()
        known = self._known.get(tenant_id)
        if known is None or known.until < now:
            self._due.add(tenant_id)
            self._wake.set()
        if known is None or known.per_s is None:
            return
        wait_s = known.bucket.wait_s(known.per_s, now)
        if wait_s > 0:
            raise TooManyRequests(wait_s)

    def forget(self, tenant_id: str) -> None:
        """Ask again: it has just been changed."""
        known = self._known.get(tenant_id)
        if known is not None:
            known.until = 0.0

    async def run(self) -> None:
        """Ask about tenants whose requests come, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            due, self._due = self._due, set()
            for tenant_id in sorted(due):
                await self._refresh(tenant_id)

    async def _refresh(self, tenant_id: str) -> None:
        try:
            await self._ask(tenant_id)
        except (ServiceAway, ProblemRaised) as error:
            # As it was known, if it was: asked again later.
            self._entry(tenant_id).until = monotonic() + REMEMBERED_S
            log.debug("tenant_not_known", tenant_id=tenant_id, error=str(error))

    async def _ask(self, tenant_id: str) -> _Known:
        try:
            found = await self._services.ask(
                STATION_REGISTRY, "tenants.get", {"named_tenant_id": tenant_id}
            )
            view = TenantView.model_validate(found)
        except ProblemRaised as refused:
            if refused.problem.status != 404:
                raise
            view = None
        except ValidationError as error:
            raise ServiceAway(f"no tenant from the registry: {error}"[:500]) from error
        known = self._entry(tenant_id)
        known.exists = view is not None
        known.per_s = None if view is None else view.max_requests_per_s
        known.time_zone = None if view is None else view.time_zone
        known.until = monotonic() + REMEMBERED_S
        known.asked = True
        return known

    def _entry(self, tenant_id: str) -> _Known:
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()
        return self._known.setdefault(tenant_id, _Known())


def unknown_tenant(tenant_id: str) -> ProblemRaised:
    """Return the refusal of a tenant that there is not, or that is not for who asks."""
    return refuse(
        404, "unknown_tenant", f"there is no tenant {tenant_id}", ("X-Tenant", "names no tenant")
    )
