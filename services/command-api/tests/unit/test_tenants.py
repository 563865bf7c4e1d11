"""How often a tenant's requests may come, and what is known of it while nobody answers."""

import asyncio
from typing import Any

import pytest

from command_api.accounts.domain.roles import Principal, Role
from command_api.commands.domain.preparation import seen_by
from command_api.ports import ServiceAway
from command_api.tenants.domain import TokenBucket
from command_api.tenants.handlers import Tenants, TooManyRequests
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.stations import OwnerView


def test_a_bucket_holds_one_second_and_fills_with_time() -> None:
    bucket = TokenBucket()
    assert [bucket.wait_s(3, 10.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.wait_s(3, 10.0) == pytest.approx(1 / 3)
    assert bucket.wait_s(3, 10.4) == 0
    assert bucket.wait_s(3, 10.4) > 0
    assert [bucket.wait_s(3, 99.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.wait_s(3, 99.0) > 0


def test_a_lower_bound_counts_for_what_is_in_the_bucket() -> None:
    bucket = TokenBucket()
    assert bucket.wait_s(1_000, 1.0) == 0
    assert bucket.wait_s(1, 1.0) == 0
    assert bucket.wait_s(1, 1.0) == 1


class Registry:
    """Knows one tenant, while it is not away."""

    def __init__(self) -> None:
        self.away = False
        self.asked = 0

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        self.asked += 1
        if self.away:
            raise ServiceAway("away")
        if parameters != {"named_tenant_id": "north"}:
            raise refuse(404, "not_found", "no such tenant")
        return {
            "tenant_id": "north",
            "name": "N",
            "status": "suspended",
            "max_requests_per_s": 1,
            "created_at": "",
            "updated_at": "",
        }


async def test_a_registry_that_is_away_bounds_nobody_and_names_no_tenant() -> None:
    registry = Registry()
    registry.away = True
    tenants = Tenants(registry)
    running = asyncio.create_task(tenants.run())
    for _ in range(5):
        tenants.admit("north")
    await tenants.require("default")
    with pytest.raises(ServiceAway):
        await tenants.require("north")
    registry.away = False
    await tenants.require("north")
    registry.away = True
    # Remembered.
    await tenants.require("north")
    tenants.admit("north")
    with pytest.raises(TooManyRequests):
        tenants.admit("north")
    running.cancel()


async def test_a_tenant_that_there_is_not_is_asked_after_each_time() -> None:
    registry = Registry()
    tenants = Tenants(registry)
    for _ in range(2):
        with pytest.raises(ProblemRaised) as refused:
            await tenants.require("south")
        assert refused.value.problem.code == "unknown_tenant"
    assert registry.asked == 2
    await tenants.require("north")
    tenants.forget("north")
    await tenants.require("north")
    assert registry.asked == 4


def test_a_station_of_another_tenant_is_seen_as_one_that_there_is_not() -> None:
    owner = OwnerView(station_id="S1", tenant_id="north", known=True, gateway_id="g", epoch=1)
    assert seen_by("north", owner) == owner
    none = OwnerView(station_id="S1", tenant_id="south", known=False)
    assert seen_by("south", owner) == none


@pytest.mark.parametrize(("tenant_id", "of_deployment"), [("default", True), ("north", False)])
def test_whoever_is_of_default_is_of_the_deployment(tenant_id: str, of_deployment: bool) -> None:
    principal = Principal("user:a", "a", Role.VIEWER, tenant_id=tenant_id)
    assert principal.is_of_deployment is of_deployment
