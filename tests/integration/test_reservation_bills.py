"""What reservations cost, from the station's answer to the charge detail record."""

from typing import Any

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.integration.reserving import becomes, reserve
from tests.integration.waiting import eventually

_TARIFF: dict[str, Any] = {
    "currency": "EUR",
    "elements": [
        {
            "price_components": [{"type": "FLAT", "price": 3, "vat": 20, "step_size": 1}],
            "restrictions": {"reservation": "RESERVATION"},
        }
    ],
}


async def test_who_does_not_come_pays_once_and_who_comes_pays_with_the_session(
    run: RunState, operator: Operator, station_id: str, id_token: str
) -> None:
    tariff = await operator.http.post("/tariffs", json={"name": station_id, "tariff": _TARIFF})
    assigned = {"tariff_id": tariff.raise_for_status().json()["tariff_id"], "id_token": id_token}
    (await operator.http.post("/tariff-assignments", json=assigned)).raise_for_status()
    settings = StationSettings(connectors=2)
    async with SimulatedStation(station_id, run.ocpp_url, settings=settings) as station:
        await station.wait_accepted()
        numbers = []
        for connector_id in (1, 2):
            made = await reserve(operator, station_id, id_token, connector_id=connector_id)
            numbers.append(made["reservation_id"])
            await becomes(operator, f"/reservations/{numbers[-1]}", "active")
        used, unused = numbers
        assert (await operator.get(f"/reservations/{unused}/cost"))["status"] == "running"
        session = station.open_session(1, id_token)
        session.start()
        transaction_id = await session.started()
        await becomes(operator, f"/reservations/{used}", "used")
        session.stop()
        await session.wait_ended(60)
        cancelled = await operator.http.post(f"/reservations/{unused}/cancel")
        assert cancelled.status_code == 200, cancelled.text
        await becomes(operator, f"/reservations/{unused}", "cancelled")
    cost = await becomes(operator, f"/reservations/{unused}/cost", "final")
    assert (cost["total_excl_vat"], cost["total_incl_vat"]) == ("3.00", "3.60")
    (line,) = cost["lines"]
    assert (line["type"], line["of_reservation"]) == ("FLAT", True)
    of_session = await becomes(operator, f"/transactions/{transaction_id}/cost", "final")
    assert of_session["total_incl_vat"] == "3.60"
    # What was used has nothing of its own to pay.
    nothing = await becomes(operator, f"/reservations/{used}/cost", "final")
    assert (nothing["bill_id"], nothing["total_incl_vat"]) == (None, None)
    (bill,) = await operator.items("/bills", reservation_id=str(unused))
    assert (bill["bill_id"], bill["transaction_id"]) == (cost["bill_id"], None)
    record = (await operator.get(f"/cdrs/{bill['cdr_id']}"))["cdr"]
    assert record["total_reservation_cost"] == {"excl_vat": 3, "incl_vat": 3.6}
    assert "session_id" not in record
    # Settled again, it is what it is; and it was told once.
    await operator.http.post(f"/reservations/{unused}/settle")

    async def told() -> list[dict[str, Any]]:
        events = await operator.items("/events/history", type="bill.issued", station_id=station_id)
        return [one for one in events if one["event"]["data"].get("reservation_id") == unused]

    (event,) = await eventually(told, bool, 60)
    assert event["event"]["data"]["bill_id"] == bill["bill_id"]
