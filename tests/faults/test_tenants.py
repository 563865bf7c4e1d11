"""F27: tenants suspended and stations moved while processes die; no other tenant notices."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import httpx
import pytest

from csms_simulator.check import settled_differences
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.session_script import SessionPlan, run_session
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.faults.faulty_suite import FaultySuite
from tests.faults.scale import Scale
from tests.faults.scenario import RECOVERY_S, Scenario
from tests.integration.waiting import eventually

_SETTINGS = StationSettings(first_reconnect_wait=0.3, longest_reconnect_wait=2.0)
_SHORT = SessionPlan(samples=2, sample_interval=0.1)
_STATIONS = 20


@dataclass(slots=True)
class Tenant:
    """A tenant, who asks for it, and its stations."""

    tenant_id: str
    operator: Operator
    ledger: Ledger
    stations: Sequence[SimulatedStation]

    async def connected(self) -> int:
        """Count its open connections, as REST shows them."""
        return len(await self.operator.items("/connections"))

    async def are_connected(self, count: int) -> None:
        """Wait until so many of its stations are."""
        await eventually(self.connected, lambda found: found == count, RECOVERY_S)


@contextlib.asynccontextmanager
async def _tenant(suite: FaultySuite, stations: int) -> AsyncIterator[Tenant]:
    """Make a tenant with connected stations."""
    run, mark = suite.state(), secrets.token_hex(4)
    tenant_id = f"fault-{mark}"
    name, password = run.admin_username, run.admin_password
    async with Operator(run.rest_url, name, password) as platform:
        body = {"tenant_id": tenant_id, "name": tenant_id}
        answer = await platform.http.post("/tenants", json=body)
        assert answer.status_code == 201, answer.text
    ledger = Ledger()
    async with Operator(run.rest_url, name, password, tenant_id=tenant_id) as operator:
        fleet = [
            SimulatedStation(f"{mark.upper()}-{number:02d}", run.ocpp_url, ledger, _SETTINGS)
            for number in range(stations)
        ]
        for station in fleet:
            made = await operator.http.post("/stations", json={"station_id": station.station_id})
            assert made.status_code == 201, made.text
        await operator.ensure_id_token(f"T{mark}")
        async with contextlib.AsyncExitStack() as stack:
            for station in fleet:
                await station.start()
                stack.push_async_callback(station.stop)
            await asyncio.gather(*(station.wait_accepted(RECOVERY_S) for station in fleet))
            yield Tenant(tenant_id, operator, ledger, fleet)


@pytest.mark.in_subset
async def test_a_tenant_is_suspended_and_comes_back_while_what_does_it_dies(
    suite: FaultySuite, scale: Scale
) -> None:
    async with (
        Scenario("F27", "tenant suspended, a process killed", suite) as scenario,
        _tenant(suite, _STATIONS) as tenant,
    ):
        before = await _connection_ids(scenario)
        for process in ("station-registry", "gateway-1", "command-api")[: scale.pick(1, 3)]:
            await tenant.are_connected(_STATIONS)
            await _become(suite, tenant, "suspended", killed=process)
            await tenant.are_connected(0)
            await _become(suite, tenant, "active", killed=process)
            await tenant.are_connected(_STATIONS)
            await scenario.recovered()
        if scale.full:
            return
        # The first one holds no sockets: nobody else's connection has ended.
        assert await _connection_ids(scenario) == before


@pytest.mark.in_subset
async def test_a_station_that_is_moved_in_a_session_loses_and_doubles_nothing(
    suite: FaultySuite, scale: Scale
) -> None:
    async with (
        Scenario("F27", "station moved in a session, a process killed", suite) as scenario,
        _tenant(suite, scale.pick(1, 5)) as tenant,
        _tenant(suite, 0) as other,
    ):
        for number, station in enumerate(tenant.stations):
            token = f"T{station.station_id[:8].lower()}"
            process = ("session-service", "station-registry", "gateway-1")[number % 3]
            await run_session(station, 1, token, _SHORT)
            session = station.open_session(1, token)
            session.start()
            await session.started(RECOVERY_S)
            killing = asyncio.create_task(suite.kill(process))
            await _moved(tenant, station, other)
            await killing
            await scenario.recovered()
            session.charge(500, 11_000)
            session.take_sample()
            session.stop()
            await session.wait_ended(RECOVERY_S)
        # All of it began with the former tenant, and stays there.
        assert await settled_differences(tenant.operator, tenant.ledger, within=RECOVERY_S) == []
        assert await other.operator.items("/transactions") == []
        await other.are_connected(len(tenant.stations))


async def _become(suite: FaultySuite, tenant: Tenant, status: str, *, killed: str) -> None:
    """Change the tenant's status while a process is killed; asked again until it is so."""

    async def changed() -> bool:
        with contextlib.suppress(httpx.TransportError):
            answer = await tenant.operator.http.patch(
                f"/tenants/{tenant.tenant_id}", json={"status": status}
            )
            return answer.status_code == 200
        return False

    killing = asyncio.create_task(suite.kill(killed))
    await eventually(changed, bool, RECOVERY_S)
    await killing


async def _moved(tenant: Tenant, station: SimulatedStation, other: Tenant) -> None:
    async def moved() -> bool:
        path, body = f"/stations/{station.station_id}/tenant", {"tenant_id": other.tenant_id}
        with contextlib.suppress(httpx.TransportError):
            answer = await tenant.operator.http.put(path, json=body)
            # Where the answer was lost, it is the other one's by now.
            return answer.status_code in (200, 404)
        return False

    await eventually(moved, bool, RECOVERY_S)


async def _connection_ids(scenario: Scenario) -> dict[str, str]:
    found = await scenario.operator.items("/connections")
    return {
        one["station_id"]: one["connection_id"]
        for one in found
        if one["station_id"] in scenario.fleet.station_ids
    }
