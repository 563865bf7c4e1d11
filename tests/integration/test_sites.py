"""Sites, and the stations that stand there, through the whole suite."""

import secrets
from typing import Any

import orjson

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.integration.third_party import now
from tests.integration.waiting import eventually

BY_HAND = StationSettings(automatic=False)


async def test_a_station_stands_at_a_site_and_is_found_by_it(
    run: RunState, operator: Operator, station_id: str
) -> None:
    tag = f"tag {secrets.token_hex(4)}"
    made = await operator.http.post(
        "/sites",
        json={
            "name": "Harbour",
            "country": "DE",
            "latitude": 53.5,
            "longitude": 10,
            "time_zone": "Europe/Berlin",
            "tags": ["public"],
        },
    )
    assert made.status_code == 201, made.text
    site_id = made.json()["site_id"]
    described = {"site_id": site_id, "display_name": "Left gate", "tags": [tag], "phase_count": 3}
    created = await operator.http.post("/stations", json={"station_id": station_id, **described})
    assert created.status_code == 201, created.text
    hardware = {"plug_type": "IEC_62196_T2", "max_power_w": 22_000}
    path = f"/stations/{station_id}/connectors/1/hardware"
    assert (await operator.http.put(path, json=hardware)).status_code == 200
    async with SimulatedStation(station_id, run.ocpp_url) as station:
        await station.wait_accepted()
        await station.report_connector(1)
        (connector,) = await eventually(lambda: _connectors(operator, station_id, 1), bool)
    assert {name: connector[name] for name in hardware} == hardware
    for query in ({"site_id": site_id}, {"tag": tag}, {"tag": tag, "q": "left GATE"}):
        (found,) = await operator.items("/stations", **query)
        assert {name: found[name] for name in described} == described
    assert (await operator.http.delete(f"/sites/{site_id}")).status_code == 409
    moved = await operator.http.patch(f"/stations/{station_id}", json={"site_id": None})
    assert (moved.json()["site_id"], moved.json()["display_name"]) == (None, "Left gate")
    assert (await operator.http.delete(f"/sites/{site_id}")).status_code == 204
    assert (await operator.http.get(f"/sites/{site_id}")).status_code == 404


async def test_transactions_are_found_by_where_they_began(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    tag = f"tag {secrets.token_hex(4)}"
    made = await operator.http.post("/sites", json={"name": "Harbour"})
    site_id = made.json()["site_id"]
    place = {"station_id": station_id, "site_id": site_id, "tags": [tag]}
    assert (await operator.http.post("/stations", json=place)).status_code == 201
    async with SimulatedStation(station_id, run.ocpp_url, settings=BY_HAND) as station:
        await station.link.online.wait()
        await station.boot()

        async def charged() -> Payload:
            start = {"connectorId": 1, "idTag": id_token, "meterStart": 0, "timestamp": now()}
            number = (await station.call("StartTransaction", start))["transactionId"]
            stop = {"transactionId": number, "meterStop": 10, "timestamp": now()}
            await station.call("StopTransaction", stop)
            shown: Payload = await operator.get(f"/transactions/{number}")
            return shown

        # Until the service of sessions knows where the station stands.
        at_site = await eventually(charged, lambda one: one["site_id"] is not None)
    moved = await operator.http.patch(f"/stations/{station_id}", json={"site_id": None})
    assert moved.status_code == 200, moved.text
    for query in ({"site_id": site_id}, {"tag": tag}, {"site_id": site_id, "tag": tag}):
        (found,) = await operator.items("/transactions", **query)
        assert (found["transaction_id"], found["site_id"]) == (at_site["transaction_id"], site_id)


async def test_a_station_that_moves_in_a_session_takes_everything_but_the_sessions_place_along(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    old, new = [
        (await operator.http.post("/sites", json={"name": name})).json()["site_id"]
        for name in ("Old", "New")
    ]
    place = {"station_id": station_id, "site_id": old}
    assert (await operator.http.post("/stations", json=place)).status_code == 201
    hardware = f"/stations/{station_id}/connectors/1/hardware"
    await operator.http.put(hardware, json={"plug_type": "IEC_62196_T2"})

    async def session() -> Payload:
        """Charge until session-service has been told where the station stands."""
        start = {"connectorId": 1, "idTag": id_token, "meterStart": 0, "timestamp": now()}
        number = (await station.call("StartTransaction", start))["transactionId"]
        shown: Payload = await operator.get(f"/transactions/{number}")
        if shown["site_id"] is None:
            stop = {"transactionId": number, "meterStop": 0, "timestamp": now()}
            await station.call("StopTransaction", stop)
        return shown

    async with SimulatedStation(station_id, run.ocpp_url, settings=BY_HAND) as station:
        await station.link.online.wait()
        await station.boot()
        begun = await eventually(session, lambda one: one["site_id"] is not None)
        connection = (await operator.get(f"/stations/{station_id}"))["connection"]
        moved = await operator.http.patch(f"/stations/{station_id}", json={"site_id": new})
        assert moved.status_code == 200, moved.text
        # Described anew, the connector is the one that the session is at.
        await operator.http.put(hardware, json={"plug_type": "IEC_62196_T2_COMBO"})
        stop = {"transactionId": begun["transaction_id"], "meterStop": 900, "timestamp": now()}
        await station.call("StopTransaction", stop)
        assert (await operator.get(f"/stations/{station_id}"))["connection"] == connection
        command = await operator.command(station_id, "ClearCache", {})
        assert command["status"] == "completed"

    async def ended() -> Payload:
        shown: Payload = await operator.get(f"/transactions/{begun['transaction_id']}")
        return shown

    one = await eventually(ended, lambda one: one["stopped_at"] is not None)
    assert (one["site_id"], one["connector_id"], one["energy_wh"]) == (old, 1, 900)
    history = await operator.items(f"/stations/{station_id}/history")
    assert {change["kind"] for change in history} == {"presence"}


async def _connectors(
    operator: Operator, station_id: str, connector_id: int
) -> list[dict[str, Any]]:
    listed = await operator.items(f"/stations/{station_id}/connectors")
    return [one for one in listed if one["connector_id"] == connector_id]


async def test_what_becomes_of_a_site_is_told(run: RunState, operator: Operator) -> None:
    site_id = f"site/{secrets.token_hex(4)}"
    told: list[dict[str, Any]] = []
    headers = {"Accept": "text/event-stream"}
    async with operator.http.stream("GET", "/events", headers=headers) as stream:
        lines = stream.aiter_lines()
        created = await operator.http.post("/sites", json={"site_id": site_id, "name": "A"})
        assert created.status_code == 201, created.text
        path = f"/sites/{site_id.replace('/', '%2F')}"
        assert (await operator.http.patch(path, json={"name": "B"})).status_code == 200
        assert (await operator.http.delete(path)).status_code == 204
        async for line in lines:
            event = orjson.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
            if event.get("subject") == site_id:
                told.append(event)
            if len(told) == 3:
                break
    assert sorted((event["type"], event["data"]["name"]) for event in told) == [
        ("csms.site.created.v1", "A"),
        ("csms.site.deleted.v1", "B"),
        ("csms.site.updated.v1", "B"),
    ]
