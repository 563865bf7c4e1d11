"""Regular charging sessions: who comes first, and how they end (OCPP 1.6, 3.6 to 3.8, 4.1, 4.7 to
4.10)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import PlayedStation

ACCEPTED = {"status": "Accepted"}


async def test_plug_in_first(station: PlayedStation, central: CentralSystem, id_token: str) -> None:
    await station.status(1, "Preparing")
    assert await station.authorize(id_token) == ACCEPTED
    started = await station.start(id_token, meter=1000)
    assert started["idTagInfo"] == ACCEPTED
    await station.status(1, "Charging")
    charging = await central.connector(1, "Charging")
    assert charging["transaction_id"] == started["transactionId"]
    for wh in (1100, 1250, 1400):
        await station.meter(started["transactionId"], wh)
    assert await station.authorize(id_token) == ACCEPTED
    await station.stop(started["transactionId"], meter=1500, reason="Local", id_token=id_token)
    await station.status(1, "Finishing")
    await station.status(1, "Available")
    kept = await central.completed(started["transactionId"])
    assert (kept["meter_start"], kept["meter_stop"], kept["energy_wh"]) == (1000, 1500, 500)
    assert (kept["id_token"], kept["stop_reason"], kept["flags"]) == (id_token, "Local", [])
    path = f"/transactions/{started['transactionId']}/meter-values"
    values = await central.operator.items(path)
    assert sorted(value["raw"] for value in values) == ["1100", "1250", "1400"]
    assert (await central.connector(1, "Available"))["transaction_id"] is None
    assert len(await central.transactions()) == 1
    assert station.nothing_asked()
    await central.nothing_is_parked()


async def test_identification_first(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    assert await station.authorize(id_token) == ACCEPTED
    await station.status(1, "Preparing")
    started = await station.start(id_token)
    await station.status(1, "Charging")
    await station.stop(started["transactionId"], reason="Local")
    await station.status(1, "Available")
    assert (await central.completed(started["transactionId"]))["id_token"] == id_token


async def test_identification_first_and_nobody_plugs_in(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """After ConnectionTimeOut (OCPP 1.6, 9.1.6) the connector is free again, and nothing was
    begun."""
    assert await station.authorize(id_token) == ACCEPTED
    await station.status(1, "Preparing")
    await station.status(1, "Available")
    await central.connector(1, "Available")
    assert await central.transactions() == []


async def test_a_cached_id_starts_without_being_asked_for(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 3.5.1: the start is the first that the central system sees of the token."""
    await station.status(1, "Preparing")
    started = await station.start(id_token)
    assert started["idTagInfo"] == ACCEPTED
    await station.stop(started["transactionId"])
    assert (await central.completed(started["transactionId"]))["authorization_status"] == "accepted"


async def test_what_a_cache_needs_is_in_the_answer(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 7.27: expiry and group go along with every answer about a token."""
    expires = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    change = {"expires_at": expires, "group_id": "FAMILY"}
    response = await central.operator.http.patch(f"/id-tokens/{id_token}", json=change)
    assert response.status_code == 200, response.text
    told = {"status": "Accepted", "expiryDate": expires, "parentIdTag": "FAMILY"}
    assert await station.authorize(id_token) == told
    assert (await station.start(id_token))["idTagInfo"] == told


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "blocked"}, "Blocked"),
        ({"status": "invalid"}, "Invalid"),
        ({"expires_at": "2026-01-01T00:00:00Z"}, "Expired"),
    ],
)
async def test_a_token_that_may_not_charge(
    station: PlayedStation,
    central: CentralSystem,
    id_token: str,
    change: dict[str, str],
    status: str,
) -> None:
    response = await central.operator.http.patch(f"/id-tokens/{id_token}", json=change)
    assert response.status_code == 200, response.text
    assert (await station.authorize(id_token))["status"] == status
    assert await central.transactions() == []
    # From a cache that was not up to date (OCPP 1.6, 3.7): a start is answered with an id.
    started = await station.start(id_token)
    assert started["idTagInfo"]["status"] == status
    await station.stop(started["transactionId"], meter=1000, reason="DeAuthorized")
    kept = await central.completed(started["transactionId"])
    assert kept["authorization_status"] == status.lower()
    assert kept["stop_reason"] == "DeAuthorized"


async def test_an_unknown_token_is_invalid(station: PlayedStation, central: CentralSystem) -> None:
    assert await station.authorize("NOBODYS") == {"status": "Invalid"}
    assert await central.transactions() == []


async def test_a_token_in_another_case_is_the_same_token(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 7.28: an idToken is case insensitive."""
    assert await station.authorize(id_token.lower()) == ACCEPTED


async def test_a_token_of_the_same_group_stops(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 4.10 and 7.28: the parent id is what both have in common."""
    response = await central.operator.http.patch(
        f"/id-tokens/{id_token}", json={"group_id": "FAMILY"}
    )
    assert response.status_code == 200, response.text
    other = f"{id_token[:-1]}X"
    response = await central.operator.http.post(
        "/id-tokens", json={"id_token": other, "group_id": "FAMILY"}
    )
    assert response.status_code == 201, response.text
    started = await station.start(id_token)
    assert (await station.authorize(other))["parentIdTag"] == "FAMILY"
    await station.stop(started["transactionId"], reason="Local", id_token=other)
    kept = await central.completed(started["transactionId"])
    assert (kept["id_token"], kept["stop_id_token"], kept["flags"]) == (id_token, other, [])


async def test_a_token_that_charges_elsewhere_is_concurrent(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 7.2: ConcurrentTx, where an operator wants one transaction at a time."""
    response = await central.operator.http.patch(
        f"/id-tokens/{id_token}", json={"max_concurrent": 1}
    )
    assert response.status_code == 200, response.text
    first = await station.start(id_token, connector_id=1)
    second = await station.start(id_token, connector_id=2)
    assert first["idTagInfo"] == ACCEPTED
    assert second["idTagInfo"] == {"status": "ConcurrentTx"}
    assert second["transactionId"] != first["transactionId"]


async def test_ev_side_disconnected_stops_the_transaction(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """StopTransactionOnEVSideDisconnect true (OCPP 1.6, 9.1.23)."""
    started = await station.start(id_token)
    await station.status(1, "Charging")
    await station.status(1, "SuspendedEV")
    await station.stop(started["transactionId"], meter=1200, reason="EVDisconnected")
    await station.status(1, "Finishing")
    await station.status(1, "Available")
    kept = await central.completed(started["transactionId"])
    assert (kept["stop_reason"], kept["stop_id_token"]) == ("EVDisconnected", None)
    assert (await central.connector(1, "Available"))["transaction_id"] is None


async def test_ev_side_disconnected_and_plugged_in_again(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """StopTransactionOnEVSideDisconnect false: the same transaction goes on."""
    started = await station.start(id_token)
    await station.status(1, "Charging")
    await station.status(1, "SuspendedEV", "EVCommunicationError")
    suspended = await central.connector(1, "SuspendedEV")
    assert suspended["error_code"] == "EVCommunicationError"
    assert suspended["transaction_id"] == started["transactionId"]
    await station.status(1, "Charging")
    await station.stop(started["transactionId"], reason="Local")
    await central.completed(started["transactionId"])
    assert len(await central.transactions()) == 1


async def test_a_lock_failure_starts_nothing(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    assert await station.authorize(id_token) == ACCEPTED
    await station.status(1, "Faulted", "ConnectorLockFailure")
    assert (await central.connector(1, "Faulted"))["error_code"] == "ConnectorLockFailure"
    assert await central.transactions() == []


async def test_values_of_the_clock_and_of_the_end_belong_to_their_transaction(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 3.16.2 to 3.16.5: clock-aligned values and those inside StopTransaction."""
    started = await station.start(id_token, meter=0)
    sample = {"value": "0.4", "measurand": "Energy.Active.Import.Register", "unit": "kWh"}
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    clock = {"timestamp": stamp, "sampledValue": [{**sample, "context": "Sample.Clock"}]}
    end = {"timestamp": stamp, "sampledValue": [{**sample, "context": "Transaction.End"}]}
    transaction_id = started["transactionId"]
    payload = {"connectorId": 1, "transactionId": transaction_id, "meterValue": [clock]}
    assert await station.call("MeterValues", payload) == {}
    payload = {
        "transactionId": transaction_id,
        "meterStop": 400,
        "timestamp": stamp,
        "transactionData": [end],
    }
    await station.call("StopTransaction", payload)
    await central.completed(transaction_id)
    values = await central.operator.items(f"/transactions/{transaction_id}/meter-values")
    assert {(value["context"], value["raw"], value["unit"]) for value in values} == {
        ("Sample.Clock", "0.4", "kWh"),
        ("Transaction.End", "0.4", "kWh"),
    }
