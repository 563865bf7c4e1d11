"""A station that is not ours charges through the suite and obeys commands."""

from typing import Any

from ocpp.v16 import call, call_result

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.wire import Payload
from tests.integration.third_party import ThirdPartyStation, now, third_party_station
from tests.integration.waiting import eventually


async def _start(
    station: ThirdPartyStation, id_token: str, meter_start: int = 1000
) -> call_result.StartTransaction:
    return await station.call(
        call.StartTransaction(
            connector_id=1, id_tag=id_token, meter_start=meter_start, timestamp=now()
        )
    )


async def test_it_boots_and_is_seen_online(
    run: RunState, operator: Operator, station_id: str
) -> None:
    async with third_party_station(run.ocpp_url, station_id) as station:
        answer = await station.boot()
        assert answer.status == "Accepted"
        assert answer.interval > 0
        assert answer.current_time.endswith("Z")
        seen = await eventually(
            lambda: operator.get(f"/stations/{station_id}"), lambda found: found["online"]
        )
        assert (seen["vendor"], seen["model"]) == ("Party", "Third")
        assert seen["registration_status"] == "accepted"
    await eventually(
        lambda: operator.get(f"/stations/{station_id}"), lambda found: not found["online"]
    )


async def test_it_charges_a_whole_session(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    async with third_party_station(run.ocpp_url, station_id) as station:
        await station.boot()
        await station.call(call.StatusNotification(1, "NoError", "Preparing"))
        authorized = await station.call(call.Authorize(id_tag=id_token))
        assert authorized.id_tag_info["status"] == "Accepted"
        started = await _start(station, id_token)
        assert started.id_tag_info["status"] == "Accepted"
        assert started.transaction_id > 0
        await station.call(call.StatusNotification(1, "NoError", "Charging"))
        for energy in (1100, 1250, 1400):
            await station.call(
                call.MeterValues(
                    connector_id=1,
                    transaction_id=started.transaction_id,
                    meter_value=[
                        {
                            "timestamp": now(),
                            "sampledValue": [
                                {"value": str(energy), "unit": "Wh", "context": "Sample.Periodic"}
                            ],
                        }
                    ],
                )
            )
        await station.call(
            call.StopTransaction(
                meter_stop=1500, timestamp=now(), transaction_id=started.transaction_id
            )
        )
        await station.call(call.StatusNotification(1, "NoError", "Available"))
        stored = await eventually(
            lambda: operator.get(f"/transactions/{started.transaction_id}"),
            lambda found: found["status"] == "completed",
        )
        assert stored["station_id"] == station_id
        assert stored["id_token"] == id_token
        assert (stored["meter_start"], stored["meter_stop"], stored["energy_wh"]) == (
            1000,
            1500,
            500,
        )
        values = await operator.items(f"/transactions/{started.transaction_id}/meter-values")
        assert sorted(value["raw"] for value in values) == ["1100", "1250", "1400"]
        connectors = await eventually(
            lambda: operator.get(f"/stations/{station_id}/connectors"),
            lambda found: _items(found)[-1]["status"] == "Available",
        )
        assert _items(connectors)[-1]["transaction_id"] is None


def _items(found: Payload | list[Payload]) -> list[Payload]:
    return found["items"] if isinstance(found, dict) else found


async def test_tokens_that_may_not_charge_are_told_so(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    async with third_party_station(run.ocpp_url, station_id) as station:
        await station.boot()
        unknown = await station.call(call.Authorize(id_tag="NOBODY"))
        assert unknown.id_tag_info["status"] == "Invalid"
        refused = await _start(station, "NOBODY")
        assert refused.id_tag_info["status"] == "Invalid"
        assert refused.transaction_id > 0
        (await operator.http.post(f"/id-tokens/{id_token}/block")).raise_for_status()
        blocked = await station.call(call.Authorize(id_tag=id_token.lower()))
        assert blocked.id_tag_info["status"] == "Blocked"
        (await operator.http.post(f"/id-tokens/{id_token}/activate")).raise_for_status()
        active = await station.call(call.Authorize(id_tag=id_token.lower()))
        assert active.id_tag_info["status"] == "Accepted"


async def test_a_remote_start_reaches_it_and_is_linked_to_the_transaction(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    async with third_party_station(run.ocpp_url, station_id) as station:
        await station.boot()
        command = await operator.command(
            station_id, "RemoteStartTransaction", {"connectorId": 1, "idTag": id_token}
        )
        assert (command["status"], command["accepted"]) == ("completed", True)
        assert command["response"] == {"status": "Accepted"}
        assert (await station.asked.get())[0] == "RemoteStartTransaction"
        started = await _start(station, id_token)
        linked = await eventually(
            lambda: operator.get(f"/commands/{command['command_id']}"),
            lambda found: found["transaction_id"] is not None,
        )
        assert linked["transaction_id"] == started.transaction_id
        stop = await operator.command(station_id, "RemoteStopTransaction", {"connectorId": 1})
        assert (stop["status"], stop["accepted"]) == ("completed", True)
        action, payload = await station.asked.get()
        assert (action, payload) == (
            "RemoteStopTransaction",
            {"transaction_id": started.transaction_id},
        )


async def test_every_core_command_reaches_it(
    run: RunState, operator: Operator, station_id: str
) -> None:
    asked: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("Reset", {"type": "Soft"}, {"status": "Accepted"}),
        ("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}),
        ("ClearCache", {}, {"status": "Accepted"}),
        (
            "ChangeAvailability",
            {"connectorId": 0, "type": "Inoperative"},
            {"status": "Accepted"},
        ),
        (
            "ChangeConfiguration",
            {"key": "HeartbeatInterval", "value": "60"},
            {"status": "Accepted"},
        ),
        ("DataTransfer", {"vendorId": "Party"}, {"status": "Accepted", "data": "pong"}),
    ]
    async with third_party_station(run.ocpp_url, station_id) as station:
        await station.boot()
        for action, payload, response in asked:
            command = await operator.command(station_id, action, payload)
            assert (command["status"], command["response"]) == ("completed", response), action
            assert (await station.asked.get())[0] == action
        read = await operator.command(
            station_id, "GetConfiguration", {"key": ["HeartbeatInterval", "Nonsense"]}
        )
        assert read["response"] == {
            "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}],
            "unknownKey": ["Nonsense"],
        }


async def test_a_refused_command_is_completed_but_not_accepted(
    run: RunState, operator: Operator, station_id: str
) -> None:
    async with third_party_station(run.ocpp_url, station_id) as station:
        await station.boot()
        command = await operator.command(
            station_id, "ChangeConfiguration", {"key": "NoSuchKey", "value": "1"}
        )
        assert (command["status"], command["accepted"]) == ("completed", False)
        unsupported = await operator.command(station_id, "GetLocalListVersion", {})
        assert unsupported["status"] == "error"
        assert unsupported["error"]["code"] in ("NotImplemented", "NotSupported")
