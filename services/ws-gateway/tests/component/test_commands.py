"""Commands from the broker to the socket and back, and who owns a station."""

import asyncio
import uuid

import pytest
from gateway_fakes.running import RunningGateway
from gateway_fakes.waiting import until

from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.commands import CommandOutcome
from csms_shared.contracts.control import Control, ControlKind
from ws_gateway.amqp import lease
from ws_gateway.websocket import data_request

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


async def test_a_command_is_written_answered_and_reported(running: RunningGateway) -> None:
    station = await running.station("C-1")
    command_id = str(uuid.uuid4())
    services = running.services
    await services.send_commands(running.command("C-1", command_id, "Reset", type="Soft"))
    assert await station.receive() == [2, command_id, "Reset", {"type": "Soft"}]
    await station.answer(command_id, {"status": "Accepted"})
    await services.until(lambda: services.reports_of(command_id))
    (completed,) = services.reports_of(command_id)
    assert completed.outcome is CommandOutcome.COMPLETED
    assert completed.response == {"status": "Accepted"}
    assert completed.sent_ms is not None
    # That it was sent needs no report of its own any more.
    broker = running.gateway.broker
    assert broker is not None
    await services.until(lambda: broker.reports.idle)
    assert services.reports_of(command_id) == [completed]
    await station.socket.close()


async def test_a_command_that_is_not_answered_at_once_is_reported_as_sent(
    running: RunningGateway,
) -> None:
    station = await running.station("C-7")
    command_id = str(uuid.uuid4())
    services = running.services
    await services.send_commands(running.command("C-7", command_id, "Reset", type="Soft"))
    await station.receive()
    await services.until(lambda: services.reports_of(command_id))
    await station.answer(command_id, {"status": "Accepted"})
    await services.until(lambda: len(services.reports_of(command_id)) == 2)
    sent, completed = services.reports_of(command_id)
    assert (sent.outcome, completed.outcome) == (CommandOutcome.SENT, CommandOutcome.COMPLETED)
    assert completed.sent_ms == sent.sent_ms
    await station.socket.close()


async def test_of_very_many_commands_to_an_exempt_station_each_is_sent_and_reported(
    running: RunningGateway,
) -> None:
    services = running.services
    services.exempt.add("C-9")
    station = await running.station("C-9")
    # More than others are let wait, are remembered, and are remembered for their reports.
    commands = [running.command("C-9", str(uuid.uuid4()), "ClearCache") for _ in range(700)]
    for start in range(0, len(commands), 100):
        await services.send_commands(*commands[start : start + 100])
    for command in commands:
        assert (await station.receive())[1] == command.command_id
        await station.answer(command.command_id, {"status": "Accepted"})

    def completed() -> set[str]:
        wanted = CommandOutcome.COMPLETED
        return {report.command_id for report in services.reports if report.outcome is wanted}

    await services.until(lambda: completed() == {command.command_id for command in commands})
    await station.socket.close()


async def test_a_command_that_comes_twice_is_written_once(running: RunningGateway) -> None:
    station = await running.station("C-2")
    command = running.command("C-2", str(uuid.uuid4()), "ClearCache")
    services = running.services
    await services.send_commands(command, command)
    await services.send_commands(command)
    assert (await station.receive())[2] == "ClearCache"
    await station.answer(command.command_id, {"status": "Accepted"})
    await services.until(lambda: services.reports_of(command.command_id))
    assert (await station.call("Heartbeat", {}))[0] == 3
    await station.socket.close()


async def test_commands_for_others_stations_and_old_epochs_are_not_owned(
    running: RunningGateway,
) -> None:
    station = await running.station("C-3")
    elsewhere = running.command("C-3", str(uuid.uuid4()), "ClearCache")
    elsewhere.station_id = "somewhere-else"
    older = running.command("C-3", str(uuid.uuid4()), "ClearCache")
    older.epoch -= 1
    services = running.services
    await services.send_commands(elsewhere, older)
    await services.until(lambda: len(services.reports) == 2)
    assert {report.outcome for report in services.reports} == {CommandOutcome.NOT_OWNER}
    await station.socket.close()


async def test_a_written_command_of_a_lost_connection_has_an_unknown_outcome(
    running: RunningGateway,
) -> None:
    station = await running.station("C-4")
    written = running.command("C-4", str(uuid.uuid4()), "ClearCache")
    queued = running.command("C-4", str(uuid.uuid4()), "ClearCache")
    services = running.services
    await services.send_commands(written, queued)
    await station.receive()
    await services.until(lambda: services.reports_of(written.command_id))
    await station.socket.close()
    await services.until(lambda: len(services.reports) == 3)
    assert [report.outcome for report in services.reports_of(written.command_id)] == [
        CommandOutcome.SENT,
        CommandOutcome.OUTCOME_UNKNOWN,
    ]
    assert [report.outcome for report in services.reports_of(queued.command_id)] == [
        CommandOutcome.NOT_OWNER
    ]


async def test_a_newer_connection_elsewhere_closes_the_one_here(
    running: RunningGateway,
) -> None:
    station = await running.station("C-5")
    epoch = running.services.epoch("C-5")
    older = Control(kind=ControlKind.SUPERSEDED, station_id="C-5", epoch=epoch)
    await running.services.send_control(older)
    assert (await station.call("Heartbeat", {}))[0] == 3
    newer = Control(kind=ControlKind.SUPERSEDED, station_id="C-5", epoch=epoch + 1)
    await running.services.send_control(newer)
    assert await station.closed() == 1000
    # Nothing to release: the newer connection owns the station.
    assert running.services.releases == []


async def test_a_change_of_registration_reaches_the_connection(running: RunningGateway) -> None:
    station = await running.station("C-6")
    change = RegistrationChange(
        registration_status="rejected", boot_count=1, heartbeat_interval_s=300
    )
    await running.services.send_control(
        Control(
            kind=ControlKind.REGISTRATION,
            station_id="C-6",
            epoch=running.services.epoch("C-6"),
            registration=change,
        )
    )
    async with asyncio.timeout(10):
        while (answer := await station.call("Authorize", {"idTag": "T"}))[0] == 3:
            pass
    assert answer[2] == "SecurityError"
    await station.socket.close()


async def test_a_lost_change_of_registration_comes_with_the_next_reassertion(
    running: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY_S", 0.2)
    station = await running.station("C-9")
    assert (await station.call("Authorize", {"idTag": "T"}))[0] == 3
    connection_id = running.services.calls[-1].connection_id
    # Its control is lost; one from before it comes late.
    older, newer = (
        RegistrationChange(
            registration_status=status, boot_count=1, heartbeat_interval_s=300, version=version
        )
        for status, version in (("accepted", 4), ("rejected", 5))
    )
    running.services.changed[connection_id] = newer
    async with asyncio.timeout(10):
        while (answer := await station.call("Authorize", {"idTag": "T"}))[0] == 3:
            pass
    assert answer[2] == "SecurityError"
    late = Control(
        kind=ControlKind.REGISTRATION,
        station_id="C-9",
        epoch=running.services.epoch("C-9"),
        registration=older,
    )
    await running.services.send_control(late)
    # What it goes by, and what it says it goes by, are the newer one.
    running.services.reasserted.clear()
    await running.services.until(
        lambda: [
            item
            for item in running.services.reasserted
            if item.connection_id == connection_id and item.registration_version == 5
        ]
    )
    assert (await station.call("Authorize", {"idTag": "T"}))[2] == "SecurityError"
    await station.socket.close()


async def test_the_answer_to_a_boot_does_not_undo_a_newer_change(running: RunningGateway) -> None:
    running.services.registration_version = 7
    running.services.calls_answered.clear()
    station = await running.station("C-10")
    boot = asyncio.create_task(station.call("BootNotification", BOOT))
    await running.services.until(lambda: running.services.calls)
    change = RegistrationChange(
        registration_status="rejected", boot_count=1, heartbeat_interval_s=300, version=8
    )
    await running.services.send_control(
        Control(
            kind=ControlKind.REGISTRATION,
            station_id="C-10",
            epoch=running.services.epoch("C-10"),
            registration=change,
        )
    )
    broker = running.gateway.broker
    assert broker is not None
    held = broker.connections.of_station("C-10")
    assert held is not None
    await until(lambda: held.registration_version == 8)
    running.services.calls_answered.set()
    assert (await boot)[2]["status"] == "Accepted"
    assert (await station.call("Authorize", {"idTag": "T"}))[2] == "SecurityError"
    await station.socket.close()


async def test_a_gateway_whose_lease_ran_out_reasserts_and_closes_what_is_not_its_own(
    running: RunningGateway,
) -> None:
    kept = await running.station("C-7")
    lost = await running.station("C-8")
    await kept.call("Authorize", {"idTag": "T"})
    await lost.call("Authorize", {"idTag": "T"})
    services = running.services
    services.superseded = [
        call.connection_id for call in services.calls if call.station_id == "C-8"
    ]
    services.lease_confirmed = False
    assert await lost.closed() == 1000
    services.lease_confirmed = True
    assert {item.station_id for item in services.reasserted} >= {"C-7"}
    assert (await kept.call("Heartbeat", {}))[0] == 3
    await kept.socket.close()


async def test_a_silent_station_without_known_status_is_asked_for_it_once(
    running: RunningGateway,
) -> None:
    running.services.status_known = False
    station = await running.station("C-9")
    asked = await station.receive()
    assert asked[0] == 2
    assert asked[2:] == ["TriggerMessage", {"requestedMessage": "StatusNotification"}]
    await station.answer(asked[1], {"status": "NotImplemented"})
    assert (await station.call("Heartbeat", {}))[0] == 3
    assert running.services.reports == []
    assert data_request.WAIT_S <= 5
    await station.socket.close()


async def test_a_station_that_was_never_accepted_and_does_not_boot_is_asked_for_its_boot(
    running: RunningGateway,
) -> None:
    running.services.booted = False
    running.services.registration_status = "pending"
    station = await running.station("C-10")
    # Forgiven, but no boot: what follows of its transactions is still refused.
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    assert (await station.call("StatusNotification", status))[0] == 3
    meter_values = {"connectorId": 1, "meterValue": []}
    assert (await station.call("MeterValues", meter_values))[2] == "SecurityError"
    asked = await station.receive()
    assert asked[2:] == ["TriggerMessage", {"requestedMessage": "BootNotification"}]
    await station.answer(asked[1], {"status": "Accepted"})
    await station.socket.close()
