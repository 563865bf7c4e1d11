"""Reservations and local lists through the whole suite, to a station that holds them."""

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.integration.reserving import becomes, reserve


async def test_a_reservation_is_used_cancelled_or_refused_by_a_station(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    settings = StationSettings(connectors=2)
    async with SimulatedStation(station_id, run.ocpp_url, settings=settings) as station:
        await station.wait_accepted()
        first = await reserve(operator, station_id, id_token)
        path = f"/reservations/{first['reservation_id']}"
        await becomes(operator, path, "active")
        refused = await reserve(operator, station_id, id_token)
        shown = await becomes(operator, f"/reservations/{refused['reservation_id']}", "refused")
        assert shown["reason"] == "occupied"
        second = await reserve(operator, station_id, id_token, connector_id=2)
        other = f"/reservations/{second['reservation_id']}"
        await becomes(operator, other, "active")
        response = await operator.http.post(f"{other}/cancel")
        assert response.status_code == 200, response.text
        await becomes(operator, other, "cancelled")
        session = station.open_session(1, id_token)
        session.start()
        used = await becomes(operator, path, "used")
        assert used["transaction_id"] == await session.started()
        again = await operator.http.post(f"{path}/cancel")
        assert (again.status_code, again.json()["code"]) == (409, "reservation_ended")


async def test_a_station_gets_its_list_and_what_changes_in_it(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    path = f"/stations/{station_id}/local-list"
    async with SimulatedStation(station_id, run.ocpp_url) as station:
        await station.wait_accepted()
        response = await operator.http.put(path, json={"id_tokens": [id_token]})
        assert response.status_code == 200, response.text
        shown = await becomes(operator, path, "in_sync")
        assert station.local_list.entries == {id_token.lower(): {"status": "Accepted"}}
        assert shown["known_version"] == station.local_list.version
        response = await operator.http.put(path, json={"id_tokens": []})
        await becomes(operator, path, "in_sync")
        assert station.local_list.entries == {}
