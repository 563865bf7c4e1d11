"""A gateway that stops loses nothing, tells everyone, and ends in time."""

import asyncio
import uuid

import pytest
from gateway_fakes.broker_proxy import BrokerProxy
from gateway_fakes.running import RunningGateway, run_gateway
from gateway_fakes.services import FakeServices
from gateway_fakes.waiting import until
from websockets.exceptions import InvalidHandshake

from csms_shared.contracts.commands import CommandOutcome
from csms_shared.runtime.clock import monotonic
from ws_gateway import process as gateway
from ws_gateway.websocket import draining

AUTHORIZE = '[2,"1","Authorize",{"idTag":"T"}]'


async def _get(port: int, path: str) -> bytes:
    """Return the status line, empty where nobody listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return b""
    writer.write(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n")[0]


async def test_a_drained_gateway_answers_closes_releases_and_gives_up_its_lease(
    running: RunningGateway,
) -> None:
    stations = [await running.station(f"D-{number}") for number in range(5)]
    await stations[0].socket.send(AUTHORIZE)
    await running.services.until(lambda: running.services.calls)
    running.stop()
    assert (await stations[0].receive())[:2] == [3, "1"]
    assert [await station.closed() for station in stations] == [1012] * 5
    services = running.services
    await services.until(lambda: services.final_leases == 1 and len(services.releases) == 5)
    released = {item.station_id: item for item in services.releases}
    # Each names the very connection, so that a newer one elsewhere is not let go.
    assert {name: item.epoch for name, item in released.items()} == {
        f"D-{number}": services.epoch(f"D-{number}") for number in range(5)
    }
    assert released["D-0"].connection_id == services.calls[0].connection_id


async def test_a_draining_gateway_is_not_ready_and_lets_nobody_in(
    running: RunningGateway,
) -> None:
    station = await running.station("D-9")
    port = running.gateway.port
    assert b" 200 " in await _get(port, "/readyz")
    running.services.calls_answered.clear()
    await station.socket.send(AUTHORIZE)
    await running.services.until(lambda: running.services.calls)
    running.stop()
    await until(lambda: running.gateway.missing(), 5)
    assert running.gateway.missing() == {"gateway": "draining"}
    async with asyncio.timeout(5):
        while True:
            try:
                await running.station("D-10")
            except InvalidHandshake:
                continue
            except OSError:
                break
    assert station.socket.close_code is None
    running.services.calls_answered.set()
    assert (await station.receive())[:2] == [3, "1"]
    assert await station.closed() == 1012


async def test_a_decision_on_its_way_is_answered_before_the_close(
    broker_url: str, services: FakeServices
) -> None:
    async with run_gateway(broker_url, services, drain_seconds=0.0) as running:
        station, idle = await running.station("A-1"), await running.station("A-2")
        services.calls_answered.clear()
        await station.socket.send(AUTHORIZE)
        await services.until(lambda: services.calls)
        running.stop()
        assert await idle.closed() == 1012
        assert station.socket.close_code is None
        services.calls_answered.set()
        assert (await station.receive())[:2] == [3, "1"]
        assert await station.closed() == 1012


async def test_an_answer_that_does_not_come_holds_the_close_up_for_a_moment_only(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "LAST_ANSWERS_S", 0.2)
    async with run_gateway(broker_url, services, drain_seconds=0.0) as running:
        station = await running.station("A-3")
        services.calls_answered.clear()
        await station.socket.send(AUTHORIZE)
        await services.until(lambda: services.calls)
        running.stop()
        assert await station.closed() == 1012


async def test_a_command_on_the_wire_is_finished_and_those_behind_it_go_back_unwritten(
    broker_url: str, services: FakeServices
) -> None:
    async with run_gateway(broker_url, services, drain_seconds=0.0) as running:
        station = await running.station("C-1")
        written, behind = (
            running.command("C-1", str(uuid.uuid4()), "ClearCache") for _ in range(2)
        )
        await services.send_commands(written, behind)
        assert (await station.receive())[1] == written.command_id
        running.stop()
        await services.until(lambda: services.reports_of(behind.command_id))
        unwritten = services.reports_of(behind.command_id)[0]
        assert (unwritten.outcome, unwritten.sent_ms) == (CommandOutcome.NOT_OWNER, None)
        await station.answer(written.command_id, {"status": "Accepted"})
        assert await station.closed() == 1012
        await services.until(
            lambda: (
                CommandOutcome.COMPLETED
                in {report.outcome for report in services.reports_of(written.command_id)}
            )
        )


async def test_the_closing_is_spread_over_the_time_and_in_random_order(
    broker_url: str, services: FakeServices
) -> None:
    async with run_gateway(broker_url, services, drain_seconds=3.0) as running:
        stations = [await running.station(f"R-{number}") for number in range(25)]
        closed: list[tuple[float, int]] = []

        async def note(number: int) -> None:
            assert await stations[number].closed() == 1012
            closed.append((monotonic(), number))

        noting = [asyncio.create_task(note(number)) for number in range(25)]
        running.stop()
        await asyncio.gather(*noting)
        times, order = [at for at, _ in closed], [number for _, number in closed]
        # All but the last twenty-fifth, less what a busy machine hears late of the first.
        assert times[-1] - times[0] > 1.5
        assert order not in (sorted(order), sorted(order, reverse=True))


@pytest.mark.parametrize("frozen", [False, True])
async def test_the_end_comes_in_time_though_the_broker_is_away(
    proxy: BrokerProxy, services: FakeServices, frozen: bool
) -> None:
    async with run_gateway(proxy.url, services, drain_seconds=0.5) as running:
        stations = [await running.station(f"B-{number}") for number in range(3)]
        if frozen:
            proxy.freeze()
        else:
            proxy.cut()
        await stations[0].socket.send(AUTHORIZE)
        running.stop()
        assert [await station.closed() for station in stations] == [1012] * 3
        # After the drain a second each for the probes, the consumers and the connections. The
        # rest is room for a busy machine; without deadlines of its own it would take far longer.
        await running.ended(within_s=0.5 + gateway.END_S + 3.0 + 8.0)


async def test_a_second_signal_ends_the_drain_at_once(
    broker_url: str, services: FakeServices
) -> None:
    async with run_gateway(broker_url, services, drain_seconds=600.0) as running:
        stations = [await running.station(f"S-{number}") for number in range(5)]
        running.stop()
        await until(lambda: running.gateway.missing() == {"gateway": "draining"})
        running.stop_at_once()
        await running.ended(within_s=10)
        for station in stations:
            assert await station.closed() in (1006, 1012)


async def test_silent_sockets_and_handshakes_under_way_do_not_hold_up_the_end(
    broker_url: str, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would wait for so long if it waited for them.
    monkeypatch.setattr(gateway, "END_S", 600.0)
    async with run_gateway(broker_url, services, drain_seconds=0.0) as running:
        _, silent = await asyncio.open_connection("127.0.0.1", running.gateway.port)
        services.claims_answered.clear()
        asking = asyncio.create_task(running.station("H-1"))
        await services.until(lambda: services.claims)
        running.stop()
        await running.ended(within_s=60)
        with pytest.raises((OSError, EOFError, InvalidHandshake)):
            await asking
        silent.close()
