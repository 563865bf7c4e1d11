"""Remote start and stop, with time-outs and refusals (OCPP 1.6, 5.11, 5.12)."""

import asyncio

import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import PlayedStation, connected
from tests.integration.waiting import eventually

ACCEPTED = {"status": "Accepted"}


async def test_remote_start_with_the_cable_plugged_in_first(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    await station.status(1, "Preparing")
    start = {"connectorId": 1, "idTag": id_token}
    command = await central.command(station, "RemoteStartTransaction", start, ACCEPTED)
    assert (command["status"], command["accepted"]) == ("completed", True)
    # AuthorizeRemoteTxRequests true (OCPP 1.6, 5.11): the station asks first.
    assert await station.authorize(id_token) == ACCEPTED
    started = await station.start(id_token)
    await station.status(1, "Charging")
    linked = await eventually(
        lambda: central.operator.get(f"/commands/{command['command_id']}"),
        lambda found: found["transaction_id"] is not None,
    )
    assert linked["transaction_id"] == started["transactionId"]
    (kept,) = await central.transactions()
    assert (kept["status"], kept["id_token"]) == ("active", id_token)


async def test_remote_start_first_then_the_cable(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    command = await central.command(
        station, "RemoteStartTransaction", {"idTag": id_token}, ACCEPTED
    )
    await station.status(2, "Preparing")
    started = await station.start(id_token, connector_id=2)
    linked = await eventually(
        lambda: central.operator.get(f"/commands/{command['command_id']}"),
        lambda found: found["transaction_id"] is not None,
    )
    assert linked["transaction_id"] == started["transactionId"]


async def test_remote_start_and_nobody_plugs_in(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """ConnectionTimeOut passes: the command was accepted, and no transaction belongs to it."""
    start = {"connectorId": 1, "idTag": id_token}
    command = await central.command(station, "RemoteStartTransaction", start, ACCEPTED)
    await station.status(1, "Preparing")
    await station.status(1, "Available")
    await central.connector(1, "Available")
    assert await central.transactions() == []
    kept = await central.operator.get(f"/commands/{command['command_id']}")
    assert (kept["accepted"], kept["transaction_id"]) == (True, None)


async def test_remote_start_refused(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    start = {"connectorId": 1, "idTag": id_token}
    command = await central.command(
        station, "RemoteStartTransaction", start, {"status": "Rejected"}
    )
    assert (command["status"], command["accepted"]) == ("completed", False)
    # A driver who starts at the station afterwards did not start by this command.
    await station.start(id_token)
    assert (await central.operator.get(f"/commands/{command['command_id']}"))[
        "transaction_id"
    ] is None


async def test_remote_start_of_a_station_that_is_offline(
    run: RunState, central: CentralSystem, id_token: str
) -> None:
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
    await central.station(lambda found: not found["online"])
    start = {"connectorId": 1, "idTag": id_token}
    command = await central.operator.command(central.station_id, "RemoteStartTransaction", start)
    assert (command["status"], command["sent_at"]) == ("station_offline", None)
    async with connected(run.ocpp_url, central.station_id) as station:
        # It is never sent minutes later, when somebody else stands there.
        await station.status(1, "Available")
        assert station.nothing_asked()


async def test_remote_start_without_an_answer_before_the_connection_ends(
    run: RunState, central: CentralSystem, id_token: str
) -> None:
    start = {"connectorId": 1, "idTag": id_token}
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        sending = asyncio.create_task(
            central.operator.command(central.station_id, "RemoteStartTransaction", start)
        )
        await station.asked("RemoteStartTransaction")
    command = await sending
    assert (command["status"], command["accepted"]) == ("outcome_unknown", None)
    assert command["sent_at"] is not None
    async with connected(run.ocpp_url, central.station_id) as station:
        # It did obey: the start belongs to the command all the same.
        started = await station.start(id_token)
        assert station.nothing_asked()
        linked = await eventually(
            lambda: central.operator.get(f"/commands/{command['command_id']}"),
            lambda found: found["transaction_id"] is not None,
        )
        assert linked["transaction_id"] == started["transactionId"]


async def test_remote_start_without_an_answer_in_time(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """After 30 s without an answer nobody knows; a late one still counts."""
    path = f"/stations/{central.station_id}/commands/RemoteStartTransaction"
    sending = asyncio.create_task(
        central.operator.http.post(
            path, params={"wait": 60}, json={"connectorId": 1, "idTag": id_token}
        )
    )
    asked = await station.asked("RemoteStartTransaction")
    command = (await sending).json()
    assert (command["status"], command["accepted"]) == ("outcome_unknown", None)
    await station.answer(asked, ACCEPTED)
    late = await eventually(
        lambda: central.operator.get(f"/commands/{command['command_id']}"),
        lambda found: found["status"] == "completed",
    )
    assert (late["accepted"], late["response"]) == (True, ACCEPTED)
    assert station.nothing_asked()


@pytest.mark.parametrize("code", ["InternalError", "NotSupported"])
async def test_remote_start_refused_by_an_error(
    station: PlayedStation, central: CentralSystem, id_token: str, code: str
) -> None:
    start = {"connectorId": 1, "idTag": id_token}
    command = await central.refused_command(station, "RemoteStartTransaction", start, code)
    assert (command["status"], command["error"]["code"]) == ("error", code)
    assert await central.transactions() == []


async def test_remote_start_of_connector_0_is_refused_before_sending(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 6.33."""
    start = {"connectorId": 0, "idTag": id_token}
    await central.refused_before_sending("RemoteStartTransaction", start, "/connectorId")
    assert station.nothing_asked()


async def test_remote_start_of_a_token_too_long_for_a_station_is_refused_before_sending(
    station: PlayedStation, central: CentralSystem
) -> None:
    """OCPP 1.6, 7.15: CiString20Type."""
    start = {"connectorId": 1, "idTag": "T" * 21}
    await central.refused_before_sending("RemoteStartTransaction", start, "/idTag")
    assert station.nothing_asked()


async def test_remote_stop(station: PlayedStation, central: CentralSystem, id_token: str) -> None:
    started = await station.start(id_token)
    transaction_id = started["transactionId"]
    command = await central.command(
        station, "RemoteStopTransaction", {"transactionId": transaction_id}, ACCEPTED
    )
    assert (command["status"], command["accepted"]) == ("completed", True)
    await station.stop(transaction_id, reason="Remote")
    await station.status(1, "Finishing")
    assert (await central.completed(transaction_id))["stop_reason"] == "Remote"


async def test_remote_stop_by_the_connector(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """An operator names the connector, the station gets its transaction."""
    started = await station.start(id_token)
    written = {"transactionId": started["transactionId"]}
    await central.command(
        station, "RemoteStopTransaction", {"connectorId": 1}, ACCEPTED, written=written
    )
    await station.stop(started["transactionId"], reason="Remote")
    await central.completed(started["transactionId"])


async def test_remote_stop_refused(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    started = await station.start(id_token)
    command = await central.command(
        station,
        "RemoteStopTransaction",
        {"transactionId": started["transactionId"]},
        {"status": "Rejected"},
    )
    assert (command["status"], command["accepted"]) == ("completed", False)
    (kept,) = await central.transactions()
    assert kept["status"] == "active"


async def test_a_remote_start_with_a_token_that_may_not_charge_is_decided_at_the_start(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 5.11: the station, not the command, asks whether the token may charge."""
    (await central.operator.http.post(f"/id-tokens/{id_token}/block")).raise_for_status()
    start = {"connectorId": 1, "idTag": id_token}
    await central.command(station, "RemoteStartTransaction", start, ACCEPTED)
    assert await station.authorize(id_token) == {"status": "Blocked"}
    assert await central.transactions() == []


async def test_remote_stop_of_a_station_that_is_offline(
    run: RunState, central: CentralSystem, id_token: str
) -> None:
    """The transaction goes on, and the stop is not sent when the station is back."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        transaction_id = (await station.start(id_token))["transactionId"]
    await central.station(lambda found: not found["online"])
    stop = {"transactionId": transaction_id}
    command = await central.operator.command(central.station_id, "RemoteStopTransaction", stop)
    assert (command["status"], command["sent_at"]) == ("station_offline", None)
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.meter(transaction_id, 1200)
        assert station.nothing_asked()
    (kept,) = await central.transactions()
    assert kept["status"] == "active"


async def test_remote_stop_without_an_answer_before_the_connection_ends(
    run: RunState, central: CentralSystem, id_token: str
) -> None:
    """The station did obey, and says so when it is back."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        transaction_id = (await station.start(id_token))["transactionId"]
        stop = {"transactionId": transaction_id}
        sending = asyncio.create_task(
            central.operator.command(central.station_id, "RemoteStopTransaction", stop)
        )
        await station.asked("RemoteStopTransaction")
    command = await sending
    assert (command["status"], command["accepted"]) == ("outcome_unknown", None)
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.stop(transaction_id, reason="Remote", seconds_ago=5)
        assert (await central.completed(transaction_id))["stop_reason"] == "Remote"
        assert station.nothing_asked()


async def test_remote_stop_of_a_transaction_that_has_ended_is_the_stations_to_refuse(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """Errata 3.33: Rejected, as no such transaction goes on; what is stored stays."""
    transaction_id = (await station.start(id_token))["transactionId"]
    await station.stop(transaction_id, reason="Local")
    ended = await central.completed(transaction_id)
    stop = {"transactionId": transaction_id}
    rejected = {"status": "Rejected"}
    command = await central.command(station, "RemoteStopTransaction", stop, rejected)
    assert (command["status"], command["accepted"]) == ("completed", False)
    assert await central.completed(transaction_id) == ended


async def test_remote_stop_of_a_connector_without_a_transaction_is_refused_before_sending(
    station: PlayedStation, central: CentralSystem
) -> None:
    path = f"/stations/{central.station_id}/commands/RemoteStopTransaction"
    response = await central.operator.http.post(path, json={"connectorId": 1})
    assert (response.status_code, response.json()["code"]) == (409, "no_open_transaction")
    assert station.nothing_asked()
