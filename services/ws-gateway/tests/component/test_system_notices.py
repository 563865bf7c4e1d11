"""What a gateway tells operators of itself: its beginning, its end, and the limits it reaches."""

import asyncio

import pytest
from gateway_fakes.running import RunningGateway, run_gateway
from gateway_fakes.services import FakeServices
from gateway_fakes.waiting import until
from prometheus_client import REGISTRY
from websockets.exceptions import InvalidStatus

from csms_shared.contracts.event_data.system import SYSTEM_EVENTS
from csms_shared.contracts.system_notices import SystemNotice
from ws_gateway.amqp.lane import Backlog
from ws_gateway.domain.admission_queue import AdmissionQueue
from ws_gateway.websocket import admission_control as admission


async def told(services: FakeServices, kind: str, limit: str = "") -> SystemNotice:
    """Return the first notice of a kind, once it is there."""

    def found() -> list[SystemNotice]:
        return [
            one
            for one in services.notices
            if one.key == f"system.{kind}" and limit in ("", one.data.get("limit"))
        ]

    await services.until(found)
    (notice,) = found()
    SYSTEM_EVENTS[notice.key].model_validate(notice.data, extra="forbid")
    return notice


async def test_a_gateway_tells_that_it_has_started_and_that_it_has_stopped_in_good_order(
    broker_url: str, services: FakeServices
) -> None:
    async with run_gateway(broker_url, services) as running:
        started = await told(services, "instance_started")
        broker = running.gateway.broker
        assert broker is not None
        instance = broker.own_queue.incarnation
        assert (started.subject, started.data["instance"]) == (instance, instance)
        assert (started.data["service"], started.data["level"]) == ("ws-gateway", "info")
    stopped = await told(services, "instance_stopped")
    assert stopped.subject == instance
    assert stopped.event("/csms/x")[1].id != started.event("/csms/x")[1].id


async def test_stations_that_find_no_room_are_told_of_once_with_how_many_they_were(
    running: RunningGateway, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(running.gateway.limiter), "is_overfull", property(lambda _: True))
    for number in range(3):
        with pytest.raises(InvalidStatus):
            await running.station(f"F-{number}")
    notice = await told(services, "limit_reached", "connections")
    assert notice.data["level"] == "warning"
    assert notice.subject == "connections"
    broker = running.gateway.broker
    assert broker is not None
    # What came after the first is told with the next, or at the end.
    broker.system.tell(everything=True)
    await services.until(lambda: sum(one.data["count"] for one in services.notices) >= 3)


async def test_an_upgrade_without_a_turn_is_a_limit_that_was_reached(
    running: RunningGateway, services: FakeServices
) -> None:
    running.gateway.policy.upgrades = admission.AdmissionControl(
        "upgrade", AdmissionQueue(rate=0.4, burst=1, max_waiting=1, longest_wait_s=5.0)
    )
    first = [await running.station(f"A-{number}") for number in range(2)]
    waiting = asyncio.create_task(running.station("A-2"))
    await until(
        lambda: REGISTRY.get_sample_value("csms_gateway_admission_waiting", {"kind": "upgrade"})
    )
    with pytest.raises(InvalidStatus):
        await running.station("A-3")
    await told(services, "limit_reached", "admission")
    for station in (*first, await waiting):
        await station.socket.close()


async def test_a_command_that_finds_too_many_before_it_is_a_limit_that_was_reached(
    running: RunningGateway, services: FakeServices
) -> None:
    station = await running.station("C-1")
    commands = [running.command("C-1", f"command-{number}", "ClearCache") for number in range(200)]
    await services.send_commands(*commands)
    await told(services, "limit_reached", "commands")
    await station.socket.close()


def test_a_backlog_tells_each_time_that_it_has_no_room() -> None:
    full: list[int] = []
    backlog = Backlog(1, on_full=lambda: full.append(1))
    assert backlog.has_room()
    backlog.grow(1)
    assert not backlog.has_room()
    assert full == [1]
