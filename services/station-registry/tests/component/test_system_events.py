"""System events of the registry: what gateways tell, and the ends of their leases."""

from typing import Any

from driven_registry import Registry
from sqlalchemy import text

from csms_shared.contracts.event_data.system import SYSTEM_EVENTS
from csms_shared.contracts.events import CloudEvent
from csms_shared.observability.system_notices import SystemNotices
from csms_shared.service.inbox import Work
from csms_shared.service.instance_notices import started
from station_registry.ownership.handlers.leases import sweep_leases


def notice(gateway: str = "gw-1", **more: Any) -> Work:
    notices = SystemNotices("ws-gateway", lambda: gateway)
    notices.add(started("ws-gateway", gateway))
    (found,) = notices.take()
    return Work("system-notices.v1", {"gateway_id": gateway}, {**found.model_dump(), **more})


async def test_what_a_gateway_tells_is_an_event_the_same_each_time_it_comes(
    registry: Registry,
) -> None:
    work = notice()
    for _ in range(2):
        await registry.send([work, notice("gw-2")])
    events = [
        CloudEvent.model_validate(event)
        for event in await registry.events("system.instance_started")
    ]
    assert len(events) == 4
    assert len({(event.id, str(event.data)) for event in events}) == 2
    first = events[0]
    assert (first.source, first.tenantid, first.subject) == (
        "/csms/station-registry",
        "default",
        "gw-1",
    )
    assert first.type == "csms.system.instance_started.v1"
    assert first.data["service"] == "ws-gateway"
    assert registry.parked == []


async def test_what_is_no_system_event_is_parked_and_its_neighbour_told(
    registry: Registry,
) -> None:
    await registry.send([notice(key="transaction.started"), notice("gw-2")])
    assert len(registry.parked) == 1
    assert await registry.events("transaction.started") == []
    assert len(await registry.events("system.instance_started")) == 1


async def _sweep(registry: Registry) -> None:
    async with registry.engine.begin() as connection:
        await sweep_leases(connection, "registry-1")


async def test_the_end_of_a_gateways_lease_is_told_once_with_how_many_stations_it_held(
    registry: Registry,
) -> None:
    await registry.send([registry.claim(f"S{number}", f"c{number}") for number in range(3)])
    await registry.send([registry.claim("T", "ct", gateway="gw-2")])
    await _sweep(registry)
    assert await registry.events("system.gateway_lease_ended") == []
    await registry.end_lease("gw-1")
    await _sweep(registry)
    await _sweep(registry)
    (event,) = await registry.events("system.gateway_lease_ended")
    told = SYSTEM_EVENTS["system.gateway_lease_ended"].model_validate(event["data"], extra="forbid")
    assert (event["subject"], event["tenantid"], told.level) == ("gw-1", "default", "error")
    assert (event["data"]["stations"], told.instance) == (3, "registry-1")
    async with registry.engine.connect() as connection:
        expired = await connection.execute(
            text("SELECT lease_expires_at FROM gateway WHERE gateway_id = 'gw-1'")
        )
        moment = expired.scalar_one()
    assert event["data"]["lease_expired_at"].startswith(moment.strftime("%Y-%m-%dT%H:%M:%S"))
