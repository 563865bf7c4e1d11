"""What an operator does to a station: unlock, reset, availability, cache, configuration, trigger,
data (OCPP 1.6, chapter 5)."""

import asyncio

import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation, connected

ACCEPTED = {"status": "Accepted"}


@pytest.mark.parametrize(
    ("status", "accepted"), [("Unlocked", True), ("UnlockFailed", False), ("NotSupported", False)]
)
async def test_unlock_connector_while_nothing_charges(
    station: PlayedStation, central: CentralSystem, status: str, accepted: bool
) -> None:
    """OCPP 1.6, 5.18."""
    answer = {"status": status}
    command = await central.command(station, "UnlockConnector", {"connectorId": 1}, answer)
    assert (command["status"], command["accepted"]) == ("completed", accepted)
    assert command["response"] == answer


async def test_unlock_connector_while_it_charges(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    """OCPP 1.6, 5.18: the station stops the transaction first."""
    started = await station.start(id_token)
    await station.status(1, "Charging")
    await central.command(station, "UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"})
    await station.stop(started["transactionId"], reason="UnlockCommand")
    await station.status(1, "Finishing")
    await station.status(1, "Available")
    assert (await central.completed(started["transactionId"]))["stop_reason"] == "UnlockCommand"
    assert (await central.connector(1, "Available"))["transaction_id"] is None


async def test_unlock_failure_reported_by_the_connector(
    station: PlayedStation, central: CentralSystem
) -> None:
    await central.command(
        station, "UnlockConnector", {"connectorId": 1}, {"status": "UnlockFailed"}
    )
    await station.status(1, "Faulted", "ConnectorLockFailure")
    assert (await central.connector(1, "Faulted"))["error_code"] == "ConnectorLockFailure"


@pytest.mark.parametrize("kind", ["Hard", "Soft"])
async def test_reset_without_a_transaction(
    run: RunState, central: CentralSystem, kind: str
) -> None:
    """OCPP 1.6, 5.14."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot(firmwareVersion="1")
        command = await central.command(station, "Reset", {"type": kind}, ACCEPTED)
        assert (command["status"], command["accepted"]) == ("completed", True)
        first_boot = (await central.station())["last_boot_at"]
    async with connected(run.ocpp_url, central.station_id) as station:
        assert (await station.boot(firmwareVersion="1"))["status"] == "Accepted"
        await station.status(0, "Available")
        await central.connector(0, "Available")
        assert (await central.station())["last_boot_at"] > first_boot


@pytest.mark.parametrize(("kind", "reason"), [("Hard", "HardReset"), ("Soft", "SoftReset")])
async def test_reset_while_it_charges(
    run: RunState, central: CentralSystem, id_token: str, kind: str, reason: str
) -> None:
    """A soft reset stops transactions before it restarts, a hard one may do so after the boot."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        transaction_id = (await station.start(id_token))["transactionId"]
        await central.command(station, "Reset", {"type": kind}, ACCEPTED)
        if kind == "Soft":
            await station.stop(transaction_id, reason=reason)
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.boot()
        if kind == "Hard":
            await station.stop(transaction_id, reason=reason, seconds_ago=5)
        await station.status(1, "Available")
        kept = await central.completed(transaction_id)
        assert (kept["stop_reason"], kept["meter_stop"]) == (reason, 1500)
        assert (await central.connector(1, "Available"))["transaction_id"] is None


async def test_reset_refused(station: PlayedStation, central: CentralSystem) -> None:
    command = await central.command(station, "Reset", {"type": "Hard"}, {"status": "Rejected"})
    assert (command["status"], command["accepted"]) == ("completed", False)
    assert (await central.station())["online"]


@pytest.mark.parametrize("connector_id", [0, 1])
async def test_change_availability_at_once(
    station: PlayedStation, central: CentralSystem, connector_id: int
) -> None:
    """OCPP 1.6, 5.2; connector 0 is the whole station."""
    for kind, status in (("Inoperative", "Unavailable"), ("Operative", "Available")):
        change = {"connectorId": connector_id, "type": kind}
        command = await central.command(station, "ChangeAvailability", change, ACCEPTED)
        assert (command["status"], command["accepted"]) == ("completed", True)
        await station.status(connector_id, status)
        await central.connector(connector_id, status)


async def test_change_availability_scheduled_until_the_transaction_ends(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    transaction_id = (await station.start(id_token))["transactionId"]
    await station.status(1, "Charging")
    change = {"connectorId": 1, "type": "Inoperative"}
    command = await central.command(station, "ChangeAvailability", change, {"status": "Scheduled"})
    assert (command["accepted"], command["response"]) == (True, {"status": "Scheduled"})
    assert (await central.connector(1, "Charging"))["transaction_id"] == transaction_id
    await station.stop(transaction_id, reason="Local")
    await station.status(1, "Unavailable")
    await central.completed(transaction_id)
    assert (await central.connector(1, "Unavailable"))["transaction_id"] is None


async def test_change_availability_rejected(station: PlayedStation, central: CentralSystem) -> None:
    change = {"connectorId": 1, "type": "Inoperative"}
    command = await central.command(station, "ChangeAvailability", change, {"status": "Rejected"})
    assert (command["status"], command["accepted"]) == ("completed", False)
    await central.connector(1, "Available")


@pytest.mark.parametrize(("status", "accepted"), [("Accepted", True), ("Rejected", False)])
async def test_clear_cache(
    station: PlayedStation, central: CentralSystem, status: str, accepted: bool
) -> None:
    """OCPP 1.6, 5.4."""
    command = await central.command(station, "ClearCache", {}, {"status": status})
    assert (command["status"], command["accepted"]) == ("completed", accepted)


@pytest.mark.parametrize("asked_for", [{}, {"key": ["HeartbeatInterval", "Nonsense"]}])
async def test_get_configuration(
    station: PlayedStation, central: CentralSystem, asked_for: Payload
) -> None:
    """OCPP 1.6, 5.8: all keys, or some of them."""
    answer = {
        "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}],
        "unknownKey": ["Nonsense"],
    }
    command = await central.command(station, "GetConfiguration", asked_for, answer)
    assert (command["status"], command["response"]) == ("completed", answer)


@pytest.mark.parametrize(
    ("status", "accepted"),
    [("Accepted", True), ("RebootRequired", True), ("Rejected", False), ("NotSupported", False)],
)
async def test_change_configuration(
    station: PlayedStation, central: CentralSystem, status: str, accepted: bool
) -> None:
    """OCPP 1.6, 5.3."""
    change = {"key": "MeterValueSampleInterval", "value": "60"}
    command = await central.command(station, "ChangeConfiguration", change, {"status": status})
    assert (command["status"], command["accepted"]) == ("completed", accepted)
    assert command["response"] == {"status": status}


@pytest.mark.parametrize("requested", ["Heartbeat", "StatusNotification"])
async def test_trigger_message(
    station: PlayedStation, central: CentralSystem, requested: str
) -> None:
    """OCPP 1.6, 5.17: first the answer, then the message that was asked for."""
    command = await central.command(
        station, "TriggerMessage", {"requestedMessage": requested}, ACCEPTED
    )
    assert command["accepted"]
    if requested == "Heartbeat":
        await station.call("Heartbeat", {})
    else:
        await station.status(1, "Unavailable")
        await central.connector(1, "Unavailable")


async def test_trigger_message_for_a_boot_before_one_was_accepted_and_after(
    run: RunState, central: CentralSystem
) -> None:
    """Errata 3.40: a station that was told Accepted is not asked for another boot."""
    boot = {"requestedMessage": "BootNotification"}
    await central.create(boot_policy="pending")
    async with connected(run.ocpp_url, central.station_id) as station:
        assert (await station.boot())["status"] == "Pending"
        await central.change(boot_policy="accept", registration_status="accepted")
        assert (await central.command(station, "TriggerMessage", boot, ACCEPTED))["accepted"]
        assert (await station.boot())["status"] == "Accepted"
    async with connected(run.ocpp_url, central.station_id) as station:
        command = await central.operator.command(central.station_id, "TriggerMessage", boot)
        assert (command["status"], command["error"]["code"]) == ("error", "STATION_ACCEPTED")
        assert station.nothing_asked()


async def test_trigger_message_for_meter_values(
    station: PlayedStation, central: CentralSystem, id_token: str
) -> None:
    transaction_id = (await station.start(id_token))["transactionId"]
    trigger = {"requestedMessage": "MeterValues", "connectorId": 1}
    await central.command(station, "TriggerMessage", trigger, ACCEPTED)
    await station.meter(transaction_id, 1234)
    await station.stop(transaction_id)
    await central.completed(transaction_id)
    values = await central.operator.items(f"/transactions/{transaction_id}/meter-values")
    assert [value["raw"] for value in values] == ["1234"]


@pytest.mark.parametrize("status", ["Rejected", "NotImplemented"])
async def test_trigger_message_refused(
    station: PlayedStation, central: CentralSystem, status: str
) -> None:
    trigger = {"requestedMessage": "MeterValues", "connectorId": 9}
    command = await central.command(station, "TriggerMessage", trigger, {"status": status})
    assert (command["status"], command["accepted"]) == ("completed", False)


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ({"status": "Accepted", "data": "pong"}, True),
        ({"status": "Rejected"}, False),
        ({"status": "UnknownMessageId"}, False),
        ({"status": "UnknownVendorId"}, False),
    ],
)
async def test_data_transfer_to_a_station(
    station: PlayedStation, central: CentralSystem, answer: Payload, accepted: bool
) -> None:
    """OCPP 1.6, 5.6."""
    transfer = {"vendorId": "Played", "messageId": "Ping", "data": "ping"}
    command = await central.command(station, "DataTransfer", transfer, answer)
    assert (command["accepted"], command["response"]) == (accepted, answer)


async def test_data_transfer_to_the_central_system(
    station: PlayedStation, central: CentralSystem
) -> None:
    """OCPP 1.6, 4.3: a vendor that nobody here knows."""
    transfer = {"vendorId": "Played", "messageId": "Ping", "data": "ping"}
    assert await station.call("DataTransfer", transfer) == {"status": "UnknownVendorId"}
    await central.nothing_is_parked()


@pytest.mark.parametrize("code", ["NotImplemented", "NotSupported", "GenericError"])
async def test_a_command_refused_by_an_error_says_which(
    station: PlayedStation, central: CentralSystem, code: str
) -> None:
    """OCPP-J 1.6, 4.2.3."""
    command = await central.refused_command(station, "ClearCache", {}, code)
    assert (command["status"], command["accepted"]) == ("error", None)
    assert command["error"]["code"] == code


async def test_commands_are_written_one_at_a_time(
    station: PlayedStation, central: CentralSystem
) -> None:
    """OCPP-J 1.6, 4.1.1: the next call waits for the answer to the one before."""
    sending = [
        asyncio.create_task(central.operator.command(central.station_id, "ClearCache", {}))
        for _ in range(3)
    ]
    for _ in sending:
        asked = await station.asked("ClearCache")
        # The station's own calls are answered meanwhile.
        await station.call("Heartbeat", {})
        assert station.nothing_asked()
        await station.answer(asked, ACCEPTED)
    assert {(await command)["status"] for command in sending} == {"completed"}
