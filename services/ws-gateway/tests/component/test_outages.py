"""What stations see while the gateway is cut off from the broker, and after it."""

import asyncio
import itertools
import uuid

import pytest
from gateway_fakes.broker_proxy import BrokerProxy
from gateway_fakes.running import RunningGateway
from gateway_fakes.waiting import until
from websockets.exceptions import InvalidStatus

from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.commands import CommandOutcome
from ws_gateway.amqp import own_queue, services

REPORT = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


async def _until_503(running: RunningGateway) -> None:
    async with asyncio.timeout(15):
        for number in itertools.count():
            try:
                await (await running.station(f"PROBE-{number}")).socket.close()
            except InvalidStatus as refusal:
                if refusal.response.status_code == 503:
                    return
                raise


async def test_a_report_during_a_short_cut_is_answered_after_it(
    proxy: BrokerProxy, behind_proxy: RunningGateway
) -> None:
    station = await behind_proxy.station("O-1")
    proxy.cut()
    answer = asyncio.create_task(station.call("StatusNotification", REPORT))
    await _until_503(behind_proxy)
    assert not answer.done()
    proxy.mend()
    assert await answer == [3, "1", {}]
    await behind_proxy.until_ready()
    assert (await station.call("Authorize", {"idTag": "T"}))[0] == 3
    assert {call.connection_id for call in behind_proxy.services.calls} == {
        behind_proxy.services.calls[0].connection_id
    }
    await station.socket.close()


@pytest.mark.parametrize("frozen", [False, True])
async def test_what_cannot_be_stored_in_time_closes_only_its_own_socket(
    proxy: BrokerProxy, behind_proxy: RunningGateway, frozen: bool
) -> None:
    station = await behind_proxy.station("O-2")
    idle = await behind_proxy.station("O-3")
    if frozen:
        proxy.freeze()
    else:
        proxy.cut()
    call = '[2,"1","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Faulted"}]'
    await station.socket.send(call)
    assert await station.closed() == 1012
    assert (await idle.call("Heartbeat", {}))[0] == 3
    proxy.mend()
    await behind_proxy.until_ready()
    again = await behind_proxy.station("O-2")
    assert await again.call("StatusNotification", REPORT) == [3, "1", {}]
    await again.socket.close()
    await idle.socket.close()


async def test_a_lost_queue_makes_a_new_incarnation_that_takes_all_connections_over(
    proxy: BrokerProxy, behind_proxy: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_queue, "INCARNATION_EXPIRES_MS", 1000)
    station = await behind_proxy.station("O-4")
    services = behind_proxy.services
    before = services.gateway_id
    broker = behind_proxy.gateway.broker
    assert broker is not None
    proxy.cut()
    await until(lambda: broker.own_queue.incarnation != before, 20)
    proxy.mend()
    await behind_proxy.until_ready()
    assert services.gateway_id != before
    # At least once: a part of all connections is told again with every renewal.
    await services.until(lambda: "O-4" in {item.station_id for item in services.reasserted})
    held = broker.connections.of_station("O-4")
    assert held is not None
    await until(lambda: broker.lease.owns(held.connection_id))
    command_id = str(uuid.uuid4())
    await services.send_commands(behind_proxy.command("O-4", command_id, "ClearCache"))
    assert (await station.receive())[1] == command_id
    await station.answer(command_id, {"status": "Accepted"})
    await services.until(
        lambda: (
            CommandOutcome.COMPLETED
            in {report.outcome for report in services.reports_of(command_id)}
        )
    )
    await station.socket.close()


async def test_a_gateway_at_rest_takes_nobody_in_for_a_service_that_has_just_been_lost(
    running: RunningGateway,
) -> None:
    station = await running.station("O-5")
    await station.socket.close()
    claims = running.services.claims
    running.services.silent.add(SESSION_SERVICE)
    # Until no answer is recent any more, and before the first is overdue.
    await asyncio.sleep(0.8 * services.PROBE_TIMEOUT_S)
    # Nothing of its own is overdue here: it has to ask before it takes the station in.
    with pytest.raises(InvalidStatus) as refused:
        await running.station("O-6")
    assert refused.value.response.status_code == 503
    assert running.services.claims == claims


async def test_a_service_that_is_slow_and_answers_is_not_away_until_it_stops_answering(
    running: RunningGateway,
) -> None:
    station = await running.station("O-9")
    broker = running.gateway.broker
    assert broker is not None
    session_service = broker.services[SESSION_SERVICE]
    running.services.slow.add(SESSION_SERVICE)
    session_service.doubt()
    seen = running.services.probes[SESSION_SERVICE]
    async with asyncio.timeout(20):
        while running.services.probes[SESSION_SERVICE] < seen + 3:
            answer = await station.call("Authorize", {"idTag": "T"})
            assert answer[2]["idTagInfo"]["status"] == "Accepted"
    # Nobody is let in on that: what is decided may have been asked for long ago.
    with pytest.raises(InvalidStatus) as refused:
        await running.station("O-10")
    assert refused.value.response.status_code == 503
    assert not session_service.away
    await until(lambda: session_service.away, 20)
    await station.socket.close()


async def test_a_handshake_during_which_a_service_is_lost_is_refused_and_released(
    running: RunningGateway,
) -> None:
    await (await running.station("O-7")).socket.close()
    running.services.claims_answered.clear()
    before = running.services.claims
    coming = asyncio.create_task(running.station("O-8"))
    await running.services.until(lambda: running.services.claims > before)
    broker = running.gateway.broker
    assert broker is not None
    running.services.silent.add(SESSION_SERVICE)
    broker.services[SESSION_SERVICE].doubt()
    await until(lambda: not broker.takes_upgrades, 15)
    running.services.claims_answered.set()
    with pytest.raises(InvalidStatus) as refused:
        await coming
    assert refused.value.response.status_code == 503
    await running.services.until(
        lambda: "O-8" in {one.station_id for one in running.services.releases}
    )
