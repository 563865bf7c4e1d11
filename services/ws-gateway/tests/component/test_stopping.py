"""A gateway that stops loses nothing and tells everyone."""

import asyncio

from gateway_fakes.running import RunningGateway


async def test_a_drained_gateway_answers_closes_releases_and_gives_up_its_lease(
    running: RunningGateway,
) -> None:
    stations = [await running.station(f"D-{number}") for number in range(5)]
    await stations[0].socket.send('[2,"1","Authorize",{"idTag":"T"}]')
    await running.services.until(lambda: running.services.calls)
    running.stop()
    assert (await stations[0].receive())[:2] == [3, "1"]
    assert [await station.closed() for station in stations] == [1012] * 5
    services = running.services
    await services.until(lambda: services.final_leases == 1 and len(services.releases) == 5)
    assert {release.station_id for release in services.releases} == {f"D-{n}" for n in range(5)}


async def test_no_station_is_let_in_while_draining(running: RunningGateway) -> None:
    station = await running.station("D-9")
    running.stop()
    assert await station.closed() == 1012
    async with asyncio.timeout(5):
        while True:
            try:
                await running.station("D-9")
            except OSError:
                return
