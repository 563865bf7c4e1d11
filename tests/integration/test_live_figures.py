"""What is newest of a session is seen while it goes on, and nothing of it once it has ended."""

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.integration.third_party import now
from tests.integration.waiting import eventually

BY_HAND = StationSettings(automatic=False)


async def test_live_figures_follow_the_meter_values_until_the_stop(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    async with SimulatedStation(station_id, run.gateways[0].ocpp_url, settings=BY_HAND) as station:
        await station.link.online.wait()
        await station.boot()
        start = {"connectorId": 1, "idTag": id_token, "meterStart": 1000, "timestamp": now()}
        transaction_id = (await station.call("StartTransaction", start))["transactionId"]

        async def shown() -> Payload:
            (listed,) = await operator.items("/transactions", station_id=station_id)
            one: Payload = await operator.get(f"/transactions/{transaction_id}")
            assert one.keys() == listed.keys()
            return one

        assert (await shown())["live"] == dict.fromkeys(
            ("energy_wh", "power_w", "soc_percent", "measured_at")
        )
        changes = (await operator.get("/transactions", station_id=station_id))["changes"]
        at = now()
        sampled = [
            {"value": "1.5", "unit": "kWh"},
            {"value": "11", "measurand": "Power.Active.Import", "unit": "kW"},
            {"value": "40", "measurand": "SoC", "unit": "Percent", "location": "EV"},
        ]
        values = [{"timestamp": at, "sampledValue": sampled}]
        await station.call(
            "MeterValues",
            {"connectorId": 1, "transactionId": transaction_id, "meterValue": values},
        )
        found = await eventually(shown, lambda one: one["live"]["measured_at"] is not None)
        live = found["live"]
        assert (live["energy_wh"], live["power_w"], live["soc_percent"]) == (500, 11000, 40)
        assert found["energy_wh"] is None
        page = await operator.get("/transactions", station_id=station_id, changed_after=changes)
        assert page["items"] == []
        stop = {"transactionId": transaction_id, "meterStop": 1600, "timestamp": now()}
        await station.call("StopTransaction", stop)
        ended = await eventually(shown, lambda one: one["status"] == "completed")
        assert (ended["energy_wh"], ended["live"]) == (600, None)
