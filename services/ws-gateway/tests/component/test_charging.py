"""A station's calls through a gateway, a real broker and fake services."""

from gateway_fakes.running import RunningGateway
from websockets.asyncio.client import connect

TIME = "2026-11-20T08:00:00Z"
BOOT = {"chargePointVendor": "Vendor", "chargePointModel": "Model"}


async def test_a_station_boots_and_charges(running: RunningGateway) -> None:
    station = await running.station("S-1")
    assert station.socket.subprotocol == "ocpp1.6"
    boot = await station.call("BootNotification", BOOT)
    assert boot[:2] == [3, "1"]
    assert boot[2]["status"] == "Accepted"
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    assert await station.call("StatusNotification", status) == [3, "2", {}]
    authorized = await station.call("Authorize", {"idTag": "TAG"})
    assert authorized == [3, "3", {"idTagInfo": {"status": "Accepted"}}]
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": TIME}
    started = await station.call("StartTransaction", start)
    transaction_id = started[2]["transactionId"]
    samples = {
        "connectorId": 1,
        "transactionId": transaction_id,
        "meterValue": [{"timestamp": TIME, "sampledValue": [{"value": "10"}]}],
    }
    for number in range(6):
        assert await station.call("MeterValues", samples) == [3, str(number + 5), {}]
    stop = {"transactionId": transaction_id, "meterStop": 100, "timestamp": TIME}
    assert await station.call("StopTransaction", stop) == [3, "11", {}]
    heartbeat = await station.call("Heartbeat", {})
    assert heartbeat[2]["currentTime"].endswith("Z")
    await station.socket.close()

    services = running.services
    await services.until(lambda: len(services.actions("S-1")) == 11 and services.releases)
    assert services.actions("S-1").count("MeterValues") == 6
    stamps = sorted((call.epoch, call.seq) for call in services.calls)
    assert stamps == [(1, seq) for seq in range(1, 12)]
    assert {call.boot_count for call in services.calls if call.seq > 1} == {1}
    release = services.releases[0]
    assert (release.station_id, release.epoch) == ("S-1", 1)
    assert release.connection_id == services.calls[0].connection_id


async def test_a_station_that_offers_no_subprotocol_is_served_as_1_6(
    running: RunningGateway,
) -> None:
    station = await running.station("S-2", subprotocols=None)
    assert station.socket.subprotocol is None
    assert (await station.call("BootNotification", BOOT))[2]["status"] == "Accepted"
    await station.socket.close()


async def test_an_answer_that_breaks_its_schema_becomes_internal_error(
    running: RunningGateway,
) -> None:
    running.services.answers["Authorize"] = {"idTagInfo": {"status": "Perhaps"}}
    station = await running.station("S-3")
    assert (await station.call("Authorize", {"idTag": "TAG"}))[:3] == [4, "1", "InternalError"]
    await station.socket.close()


async def test_calls_in_flight_and_broken_frames_are_answered_in_order(
    running: RunningGateway,
) -> None:
    station = await running.station("S-4")
    for frame in ('[2,"a","Authorize",{"idTag":"T"}]', '[2,"b","Nonsense",{}]', "junk"):
        await station.socket.send(frame)
    await station.socket.send(b'[2,"c","Heartbeat",{}]')
    await station.socket.send(["[2,", '"d","Heart', 'beat",{}]'])
    answers = [await station.receive() for _ in range(4)]
    assert [(answer[0], answer[1]) for answer in answers] == [
        (3, "a"),
        (4, "b"),
        (3, "c"),
        (3, "d"),
    ]
    await station.socket.close()


async def test_every_station_that_was_heard_is_told_in_one_batch(
    running: RunningGateway,
) -> None:
    stations = [await running.station(f"L-{number}") for number in range(3)]
    for station in stations:
        await station.call("Heartbeat", {})
    await running.services.until(lambda: len(running.services.liveness) >= 3)
    assert {item.station_id for item in running.services.liveness} == {"L-0", "L-1", "L-2"}
    for station in stations:
        await station.socket.close()


async def test_what_is_forgiven_is_told_with_the_liveness_whichever_service_owns_the_call(
    running: RunningGateway,
) -> None:
    station = await running.station("D-1", subprotocols=None)
    start = {"connectorId": 1, "idTag": "", "meterStart": 0, "timestamp": "2026-11-20 08:00:00"}
    for _ in range(2):
        assert (await station.call("StartTransaction", start))[2]["transactionId"] > 0
    await station.socket.close()
    expected = {"missing_subprotocol": 1, "empty_id_tag": 2, "time_format": 2}
    await running.services.until(lambda: running.services.tolerated("D-1") == expected)


async def test_an_id_with_any_character_arrives_decoded_once(running: RunningGateway) -> None:
    async with connect(f"{running.url}/ESC%2F1%20x%2525", compression=None) as socket:
        await socket.send(
            '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
        )
        await socket.recv()
    assert running.services.calls[0].station_id == "ESC/1 x%25"
