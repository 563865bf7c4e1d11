"""What stations did while they were offline or without power (OCPP 1.6, 3.5, 3.7, 4.8 to 4.10)."""

import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import at, connected

ACCEPTED = {"status": "Accepted"}


async def test_offline_start_with_a_valid_token(
    run: RunState, central: CentralSystem, id_token: str
) -> None:
    """The start was made half an hour ago; it counts from then."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
    async with connected(run.ocpp_url, central.station_id) as station:
        # Connected again without a boot, as after any loss of the connection.
        began = at(1800)
        payload = {"connectorId": 1, "idTag": id_token, "meterStart": 10, "timestamp": began}
        started = await station.call("StartTransaction", payload)
        assert started["idTagInfo"] == ACCEPTED
        await station.status(1, "Charging")
        charging = await central.connector(1, "Charging")
        assert charging["transaction_id"] == started["transactionId"]
        (kept,) = await central.transactions()
        assert kept["started_at"] == began
        await station.stop(started["transactionId"], reason="Local")
        await central.completed(started["transactionId"])


async def test_offline_start_with_an_invalid_token_and_stop_on_invalid(
    run: RunState, central: CentralSystem
) -> None:
    """StopTransactionOnInvalidId true (OCPP 1.6, 9.1.24): the refusal ends it at the station."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        started = await station.start("STRANGER", seconds_ago=900)
        assert started["idTagInfo"] == {"status": "Invalid"}
        await station.status(1, "SuspendedEVSE")
        await station.stop(started["transactionId"], meter=1900, reason="DeAuthorized")
        await station.status(1, "Finishing")
        kept = await central.completed(started["transactionId"])
        assert (kept["authorization_status"], kept["stop_reason"]) == ("invalid", "DeAuthorized")
        # What it took before somebody could say no.
        assert kept["energy_wh"] == 900


async def test_offline_start_with_an_invalid_token_that_goes_on(
    run: RunState, central: CentralSystem
) -> None:
    """StopTransactionOnInvalidId false: no energy is delivered until the driver ends it."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        started = await station.start("STRANGER", seconds_ago=900)
        await station.status(1, "SuspendedEVSE")
        suspended = await central.connector(1, "SuspendedEVSE")
        assert suspended["transaction_id"] == started["transactionId"]
        await station.stop(started["transactionId"], meter=1000, reason="EVDisconnected")
        assert (await central.completed(started["transactionId"]))["energy_wh"] == 0


async def test_offline_stop(run: RunState, central: CentralSystem, id_token: str) -> None:
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        transaction_id = (await station.start(id_token, seconds_ago=3600))["transactionId"]
    async with connected(run.ocpp_url, central.station_id) as station:
        ended = at(600)
        payload = {
            "transactionId": transaction_id,
            "idTag": id_token,
            "meterStop": 4000,
            "timestamp": ended,
            "reason": "Local",
        }
        assert "idTagInfo" not in await station.call("StopTransaction", payload)
        await station.status(1, "Available")
        kept = await central.completed(transaction_id)
        assert (kept["stopped_at"], kept["energy_wh"]) == (ended, 3000)


async def test_an_offline_transaction_from_start_to_stop(
    run: RunState, central: CentralSystem, id_token: str
) -> None:
    """Delivered in the order in which it happened, samples and all (OCPP 1.6, 3.7.1)."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        transaction_id = (await station.start(id_token, seconds_ago=7200))["transactionId"]
        for minutes, wh in ((110, 1500), (100, 2000), (90, 2500)):
            await station.meter(transaction_id, wh, seconds_ago=minutes * 60)
        await station.stop(transaction_id, meter=3000, reason="Local", seconds_ago=5000)
        kept = await central.completed(transaction_id)
        assert (kept["energy_wh"], kept["flags"]) == (2000, [])
        values = await central.operator.items(f"/transactions/{transaction_id}/meter-values")
        assert sorted(value["raw"] for value in values) == ["1500", "2000", "2500"]


async def test_several_offline_transactions_of_one_connector(
    run: RunState, central: CentralSystem, id_token: str
) -> None:
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        ids = []
        for hours in (3, 2, 1):
            started = await station.start(id_token, seconds_ago=hours * 3600)
            await station.stop(
                started["transactionId"], seconds_ago=hours * 3600 - 1200, reason="Local"
            )
            ids.append(started["transactionId"])
        kept = await central.transactions(
            lambda found: [one["status"] for one in found] == ["completed"] * 3
        )
        assert [one["transaction_id"] for one in kept] == ids[::-1]
        assert {one["energy_wh"] for one in kept} == {500}


async def test_the_connection_is_lost_while_it_charges(
    run: RunState, central: CentralSystem, id_token: str
) -> None:
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        transaction_id = (await station.start(id_token, seconds_ago=300))["transactionId"]
        await station.meter(transaction_id, 1100, seconds_ago=200)
        station.socket.transport.abort()
    await central.station(lambda found: not found["online"])
    (kept,) = await central.transactions()
    assert kept["status"] == "active"
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.meter(transaction_id, 1200, seconds_ago=100)
        await station.meter(transaction_id, 1300)
        await station.stop(transaction_id, reason="Local")
        assert (await central.completed(transaction_id))["flags"] == []
    values = await central.operator.items(f"/transactions/{transaction_id}/meter-values")
    assert sorted(value["raw"] for value in values) == ["1100", "1200", "1300"]


@pytest.mark.parametrize("reason", ["PowerLoss", "Reboot"])
async def test_power_loss_and_the_transaction_is_stopped_after_the_boot(
    run: RunState, central: CentralSystem, id_token: str, reason: str
) -> None:
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        transaction_id = (await station.start(id_token, seconds_ago=900))["transactionId"]
        await station.status(1, "Charging")
        station.socket.transport.abort()
    async with connected(run.ocpp_url, central.station_id) as station:
        assert (await station.boot())["status"] == "Accepted"
        # Booted, and the stop is still to come: it has not ended yet.
        (kept,) = await central.transactions()
        assert kept["status"] == "active"
        await station.stop(transaction_id, meter=1400, reason=reason, seconds_ago=300)
        await station.status(1, "Available")
        kept = await central.completed(transaction_id)
        assert (kept["stop_reason"], kept["energy_wh"]) == (reason, 400)
        assert (await central.connector(1, "Available"))["transaction_id"] is None


async def test_power_loss_and_the_transaction_goes_on_after_the_boot(
    run: RunState, central: CentralSystem, id_token: str
) -> None:
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        transaction_id = (await station.start(id_token, seconds_ago=900))["transactionId"]
        station.socket.transport.abort()
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        await station.status(1, "Charging")
        charging = await central.connector(1, "Charging")
        assert charging["transaction_id"] == transaction_id
        await station.meter(transaction_id, 1300)
        await station.stop(transaction_id, meter=1500, reason="Local")
        kept = await central.completed(transaction_id)
        assert (kept["stop_reason"], kept["energy_wh"]) == ("Local", 500)


async def test_power_loss_and_a_connector_stays_unavailable(
    run: RunState, central: CentralSystem
) -> None:
    """OCPP 1.6, 5.2: a changed availability outlives a reboot."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        change = {"connectorId": 1, "type": "Inoperative"}
        await central.command(station, "ChangeAvailability", change, ACCEPTED)
        await station.status(1, "Unavailable")
        station.socket.transport.abort()
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        await station.status(1, "Unavailable")
        await central.connector(1, "Unavailable")


async def test_power_loss_and_the_stop_never_comes(
    run: RunState, central: CentralSystem, id_token: str
) -> None:
    """The next start on the connector says that the one before has ended, and is not confused."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        lost = (await station.start(id_token, seconds_ago=900))["transactionId"]
        station.socket.transport.abort()
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        await station.status(1, "Available")
        started = await station.start(id_token, meter=2000)
        assert started["idTagInfo"] == ACCEPTED
        await station.stop(started["transactionId"], meter=2100, reason="Local")
        await central.completed(started["transactionId"])
        kept = {one["transaction_id"]: one["status"] for one in await central.transactions()}
        assert kept == {lost: "stop_missing", started["transactionId"]: "completed"}
