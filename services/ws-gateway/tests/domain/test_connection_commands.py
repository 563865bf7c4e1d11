from typing import Any

import orjson
import pytest
from gateway_fakes.pure_core import T0, later

from csms_shared.contracts.commands import CommandOutcome
from ws_gateway.domain.commands import OutboundCommand
from ws_gateway.domain.connection import StationConnection
from ws_gateway.domain.effects import (
    Close,
    CommandFinished,
    CommandRepeated,
    CommandSent,
    Dispatch,
    Effect,
    Send,
    StrayAnswer,
    Tolerated,
)
from ws_gateway.domain.limits import Limits
from ws_gateway.ocpp.v16 import DIALECT

EPOCH = 7


def connection(status: str = "accepted", **options: Any) -> StationConnection:
    return StationConnection(DIALECT, EPOCH, status, T0, **{"booted": True, **options})


def command(
    command_id: str,
    action: str = "Reset",
    payload: dict[str, Any] | None = None,
    *,
    epoch: int = EPOCH,
    deadline_s: float = 100,
    attempt: int = 0,
) -> OutboundCommand:
    payload = {"type": "Soft"} if payload is None else payload
    return OutboundCommand(command_id, action, payload, epoch, later(deadline_s).wall_ms, attempt)


def outcomes(effects: list[Effect]) -> list[tuple[str, CommandOutcome]]:
    return [(e.command_id, e.outcome) for e in effects if isinstance(e, CommandFinished)]


def finished(effects: list[Effect]) -> CommandFinished:
    (effect,) = [effect for effect in effects if isinstance(effect, CommandFinished)]
    return effect


def test_a_command_is_written_at_once_under_its_own_id() -> None:
    effects = connection().send_call(command("c1"), T0)
    assert effects == [Send('[2,"c1","Reset",{"type":"Soft"}]'), CommandSent("c1", T0.wall_ms)]


def test_an_answer_completes_the_command_and_the_next_one_is_written() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    assert station.send_call(command("c2"), T0) == []
    effects = station.receive('[3,"c1",{"status":"Accepted"}]', later(1))
    end = finished(effects)
    assert end.outcome is CommandOutcome.COMPLETED
    assert (end.response, end.sent_ms, end.late) == ({"status": "Accepted"}, T0.wall_ms, False)
    assert [effect for effect in effects if isinstance(effect, CommandSent)] == [
        CommandSent("c2", later(1).wall_ms)
    ]


def test_a_refusal_is_an_error_with_its_code() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    end = finished(station.receive('[4,"c1","NotSupported","no",{"a":1}]', T0))
    assert (end.outcome, end.error_code) == (CommandOutcome.ERROR, "NotSupported")
    assert (end.error_description, end.error_details) == ("no", {"a": 1})


def test_an_answer_that_cannot_be_read_is_an_error() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    end = finished(station.receive('[3,"c1",{"status":', T0))
    assert (end.outcome, end.error_code) == (CommandOutcome.ERROR, "FormationViolation")


def test_an_invalid_response_is_kept_and_counted() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    effects = station.receive('[3,"c1",{"status":"Maybe"}]', T0)
    assert finished(effects).response == {"status": "Maybe"}
    assert Tolerated(("invalid_response",), "Reset") in effects


def test_an_invalid_response_is_an_error_in_strict_mode() -> None:
    station = connection(strict=True)
    station.send_call(command("c1"), T0)
    end = finished(station.receive('[3,"c1",{"status":"Maybe"}]', T0))
    assert (end.outcome, end.error_code) == (CommandOutcome.ERROR, "PropertyConstraintViolation")


def test_no_answer_in_time_leaves_the_outcome_unknown_until_it_comes_late() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    station.send_call(command("c2"), T0)
    assert station.tick(later(29)) == []
    effects = station.tick(later(30))
    assert outcomes(effects) == [("c1", CommandOutcome.OUTCOME_UNKNOWN)]
    assert CommandSent("c2", later(30).wall_ms) in effects
    late = finished(station.receive('[3,"c1",{"status":"Accepted"}]', later(31)))
    assert (late.outcome, late.late) == (CommandOutcome.COMPLETED, True)
    assert station.receive('[3,"c1",{"status":"Accepted"}]', later(32)) == [StrayAnswer("c1")]
    assert outcomes(station.receive('[3,"c2",{"status":"Accepted"}]', later(33))) == [
        ("c2", CommandOutcome.COMPLETED)
    ]


def test_commands_given_up_are_remembered_in_bounds() -> None:
    station = connection(limits=Limits(abandoned_commands=1, ping_interval_s=10_000))
    for index in range(2):
        station.send_call(command(f"c{index}", deadline_s=1000), later(index * 40))
        station.tick(later(index * 40 + 30))
    assert station.receive('[3,"c0",{"status":"Accepted"}]', later(80)) == [StrayAnswer("c0")]
    assert finished(station.receive('[3,"c1",{"status":"Accepted"}]', later(80))).late


def test_a_command_is_written_at_most_once() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    assert station.send_call(command("c1"), T0) == [CommandRepeated("c1")]
    station.receive('[3,"c1",{"status":"Accepted"}]', T0)
    assert station.send_call(command("c1"), T0) == [CommandRepeated("c1")]


def test_another_attempt_is_written_where_the_one_before_had_no_turn() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    station.send_call(command("c2", deadline_s=10, attempt=1), T0)
    end = finished(station.tick(later(10)))
    assert (end.command_id, end.outcome, end.attempt) == ("c2", CommandOutcome.EXPIRED, 1)
    station.receive('[3,"c1",{"status":"Accepted"}]', later(11))
    assert station.send_call(command("c2", deadline_s=50, attempt=1), later(12)) == [
        CommandRepeated("c2")
    ]
    second = command("c2", deadline_s=50, attempt=2)
    assert CommandSent("c2", later(12).wall_ms) in station.send_call(second, later(12))
    assert station.send_call(second, later(12)) == [CommandRepeated("c2")]


def test_memory_of_commands_is_bounded_and_freed_by_their_deadlines() -> None:
    station = connection(limits=Limits(remembered_commands=1))
    station.send_call(command("c1", deadline_s=10), T0)
    station.receive('[3,"c1",{"status":"Accepted"}]', T0)
    assert outcomes(station.send_call(command("c2"), T0)) == [("c2", CommandOutcome.BUSY)]
    assert CommandSent("c3", later(10).wall_ms) in station.send_call(command("c3"), later(10))


def test_an_exempt_station_is_sent_more_than_others_and_bounded_all_the_same() -> None:
    station = connection(
        exempt=True,
        limits=Limits(queued_commands=1, remembered_commands=1, exempt_commands=3),
    )
    for name in ("c1", "c2", "c3"):
        assert outcomes(station.send_call(command(name), T0)) == []
    assert outcomes(station.send_call(command("c4"), T0)) == [("c4", CommandOutcome.BUSY)]


def test_an_exempt_station_may_be_triggered_at_any_rate_and_one_that_is_not_any_more_may_not() -> (
    None
):
    station = connection(exempt=True, limits=Limits(triggers_at_once=1, remembered_commands=9))
    for number in range(4):
        if number == 2:
            station.set_registration("accepted", booted=True, strict=False, exempt=False)
        trigger = command(f"t{number}", "TriggerMessage", {"requestedMessage": "Heartbeat"})
        done = outcomes(station.send_call(trigger, T0))
        assert done == ([("t3", CommandOutcome.ERROR)] if number == 3 else [])
        station.receive(f'[3,"t{number}",{{"status":"Accepted"}}]', T0)


def test_an_interval_of_none_lets_a_station_be_triggered_at_any_rate() -> None:
    station = connection(limits=Limits(triggers_at_once=1, trigger_interval_s=0.0))
    for number in range(9):
        trigger = command(f"t{number}", "TriggerMessage", {"requestedMessage": "Heartbeat"})
        assert outcomes(station.send_call(trigger, T0)) == []
        station.receive(f'[3,"t{number}",{{"status":"Accepted"}}]', T0)


def test_an_exempt_station_may_leave_any_number_of_commands_unanswered() -> None:
    limits = Limits(unanswered_commands=1, ping_interval_s=10_000)
    for exempt in (True, False):
        station = connection(exempt=exempt, limits=limits)
        station.send_call(command("c1"), T0)
        effects = station.tick(later(30))
        assert outcomes(effects) == [("c1", CommandOutcome.OUTCOME_UNKNOWN)]
        assert station.closed is not exempt


def test_a_full_queue_is_busy() -> None:
    station = connection(limits=Limits(queued_commands=1))
    station.send_call(command("c1"), T0)
    station.send_call(command("c2"), T0)
    assert outcomes(station.send_call(command("c3"), T0)) == [("c3", CommandOutcome.BUSY)]


@pytest.mark.parametrize("epoch", [EPOCH - 1, EPOCH + 1])
def test_a_command_for_another_epoch_is_not_written(epoch: int) -> None:
    station = connection()
    effects = station.send_call(command("c1", epoch=epoch), T0)
    assert outcomes(effects) == [("c1", CommandOutcome.NOT_OWNER)]
    assert CommandSent("c1", T0.wall_ms) in station.send_call(command("c1"), T0)


def test_a_command_expires_before_it_is_written() -> None:
    station = connection()
    assert outcomes(station.send_call(command("c0", deadline_s=0), T0)) == [
        ("c0", CommandOutcome.EXPIRED)
    ]
    station.send_call(command("c1"), T0)
    station.send_call(command("c2", deadline_s=5), T0)
    station.send_call(command("c3"), T0)
    assert outcomes(station.tick(later(5))) == [("c2", CommandOutcome.EXPIRED)]
    effects = station.receive('[3,"c1",{"status":"Accepted"}]', later(6))
    assert CommandSent("c3", later(6).wall_ms) in effects


def test_a_command_that_breaks_its_schema_is_not_written() -> None:
    end = finished(connection().send_call(command("c1", payload={"type": "Medium"}), T0))
    assert (end.outcome, end.error_code) == (CommandOutcome.ERROR, "PropertyConstraintViolation")
    assert end.sent_ms is None


def test_a_newer_connection_ends_the_commands() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    station.send_call(command("c2"), T0)
    effects = station.superseded(EPOCH + 1, T0)
    assert outcomes(effects) == [
        ("c1", CommandOutcome.OUTCOME_UNKNOWN),
        ("c2", CommandOutcome.SUPERSEDED),
    ]
    assert effects[-1] == Close(1000, "superseded")
    assert outcomes(station.send_call(command("c3"), T0)) == [("c3", CommandOutcome.NOT_OWNER)]


def test_the_end_of_the_socket_ends_the_commands_once() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    station.send_call(command("c2"), T0)
    assert outcomes(station.socket_closed(T0)) == [
        ("c1", CommandOutcome.OUTCOME_UNKNOWN),
        ("c2", CommandOutcome.NOT_OWNER),
    ]
    assert station.socket_closed(T0) == []
    assert station.close(1012, "draining", T0) == []


def test_a_pending_station_gets_no_remote_start_and_a_rejected_one_nothing() -> None:
    start = command("c1", "RemoteStartTransaction", {"idTag": "1"})
    end = finished(connection("pending").send_call(start, T0))
    assert (end.outcome, end.error_code) == (CommandOutcome.ERROR, "STATION_PENDING")
    end = finished(connection("rejected").send_call(command("c2"), T0))
    assert (end.outcome, end.error_code) == (CommandOutcome.ERROR, "STATION_REJECTED")
    assert len(connection("pending").send_call(command("c3"), T0)) == 2


BOOT = '[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'


@pytest.mark.parametrize("action", ["TriggerMessage", "ExtendedTriggerMessage"])
def test_a_strict_station_whose_boot_was_accepted_is_not_asked_for_another(action: str) -> None:
    trigger = {"requestedMessage": "BootNotification"}
    # It was accepted before this connection.
    known = connection("accepted", strict=True)
    end = finished(known.send_call(command("c1", action, trigger), T0))
    assert (end.outcome, end.error_code) == (CommandOutcome.ERROR, "STATION_ACCEPTED")
    assert len(connection("accepted").send_call(command("c1", action, trigger), T0)) == 2
    # Nothing was ever answered: the operator, or the gateway itself, may ask.
    new = connection("accepted", booted=False, strict=True)
    assert len(new.send_call(command("c1", action, trigger), T0)) == 2
    for status, effects in (("Accepted", 1), ("Pending", 2)):
        station = connection("pending", strict=True)
        booting = station.receive(BOOT, T0)[-1]
        assert isinstance(booting, Dispatch)
        answer = {"status": status, "currentTime": "2026-11-21T00:00:00.000Z", "interval": 300}
        station.answer(booting.call.seq, answer, T0)
        # What an operator has decided since is not what the station was told.
        station.set_registration("accepted", booted=True, strict=True)
        assert len(station.send_call(command("c1", action, trigger), T0)) == effects


def test_a_station_is_asked_by_triggers_only_so_often() -> None:
    station = connection()
    trigger = {"requestedMessage": "StatusNotification"}

    def asked(number: int, seconds: float) -> CommandFinished:
        now = later(seconds)
        station.send_call(command(f"c{number}", "TriggerMessage", trigger), now)
        return finished(station.receive(f'[3,"c{number}",{{"status":"Accepted"}}]', now))

    for number in range(60):
        assert asked(number, 0).outcome is CommandOutcome.COMPLETED
    refused = finished(station.send_call(command("c60", "TriggerMessage", trigger), T0))
    assert (refused.outcome, refused.error_code) == (CommandOutcome.ERROR, "BUSY")
    # Other commands are none of its business.
    assert len(station.send_call(command("c61"), T0)) == 2
    station.receive('[3,"c61",{"status":"Accepted"}]', T0)
    assert asked(62, 1).outcome is CommandOutcome.COMPLETED
    refused = finished(station.send_call(command("c63", "TriggerMessage", trigger), later(1.5)))
    assert refused.error_code == "BUSY"


@pytest.mark.parametrize(
    ("requested", "call"),
    [
        ("SignChargePointCertificate", '[2,"b","SignCertificate",{"csr":"x"}]'),
        (
            "FirmwareStatusNotification",
            '[2,"b","SignedFirmwareStatusNotification",{"status":"Installed","requestId":1}]',
        ),
        ("FirmwareStatusNotification", '[2,"b","FirmwareStatusNotification",{"status":"Idle"}]'),
        ("LogStatusNotification", '[2,"b","LogStatusNotification",{"status":"Idle"}]'),
    ],
)
def test_a_pending_station_may_send_what_a_trigger_has_another_name_for(
    requested: str, call: str
) -> None:
    station = connection("pending")
    trigger = command("c1", "ExtendedTriggerMessage", {"requestedMessage": requested})
    assert not [effect for effect in station.receive(call, T0) if isinstance(effect, Dispatch)]
    station.send_call(trigger, T0)
    assert [effect for effect in station.receive(call, T0) if isinstance(effect, Dispatch)]
    station.receive('[3,"c1",{"status":"Rejected"}]', T0)
    assert not [effect for effect in station.receive(call, T0) if isinstance(effect, Dispatch)]


def test_a_pending_station_may_send_what_was_triggered() -> None:
    station = connection("pending")
    trigger = command("c1", "TriggerMessage", {"requestedMessage": "StatusNotification"})
    status = (
        '[2,"1","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available"}]'
    )
    station.send_call(trigger, T0)
    station.receive('[3,"c1",{"status":"Accepted"}]', T0)
    assert isinstance(station.receive(status, T0)[-1], Dispatch)


def test_a_refused_trigger_allows_nothing() -> None:
    station = connection("pending")
    trigger = command("c1", "TriggerMessage", {"requestedMessage": "StatusNotification"})
    station.send_call(trigger, T0)
    station.receive('[3,"c1",{"status":"Rejected"}]', T0)
    status = (
        '[2,"1","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available"}]'
    )
    (send, _) = station.receive(status, T0)
    assert isinstance(send, Send)
    assert orjson.loads(send.text)[2] == "SecurityError"


def test_calls_of_both_directions_cross() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    assert isinstance(station.receive('[2,"c1","Authorize",{"idTag":"1"}]', T0)[0], Dispatch)
    assert finished(station.receive('[3,"c1",{"status":"Accepted"}]', T0)).command_id == "c1"


def test_a_command_id_that_is_no_message_id_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="36"):
        command("x" * 37)


def test_before_the_close_what_is_on_the_wire_is_finished_and_nothing_more_is_written() -> None:
    station = connection()
    station.send_call(command("c1"), T0)
    station.send_call(command("c2"), T0)
    assert station.is_busy
    handed_back = station.hand_back_commands(T0)
    assert outcomes(handed_back) == [("c2", CommandOutcome.NOT_OWNER)]
    assert finished(handed_back).sent_ms is None
    assert outcomes(station.send_call(command("c3"), T0)) == [("c3", CommandOutcome.NOT_OWNER)]
    assert outcomes(station.receive('[3,"c1",{"status":"Accepted"}]', T0)) == [
        ("c1", CommandOutcome.COMPLETED)
    ]
    assert not station.is_busy


def test_a_connection_is_busy_while_a_call_of_the_station_waits_for_its_answer() -> None:
    station = connection()
    assert not station.is_busy
    (dispatch,) = station.receive('[2,"1","Authorize",{"idTag":"T"}]', T0)
    assert isinstance(dispatch, Dispatch)
    assert station.is_busy
    station.answer(dispatch.call.seq, {"idTagInfo": {"status": "Accepted"}}, T0)
    assert not station.is_busy


def test_a_station_that_leaves_three_commands_in_a_row_unanswered_is_made_to_reconnect() -> None:
    station = connection()
    for number in range(4):
        station.send_call(command(f"c{number}", deadline_s=1000), T0)
    for number in (1, 2):
        now = later(30 * number)
        station.frame_seen(now)
        assert not any(isinstance(effect, Close) for effect in station.tick(now))
    station.frame_seen(later(90))
    effects = station.tick(later(90))
    assert outcomes(effects) == [
        ("c2", CommandOutcome.OUTCOME_UNKNOWN),
        ("c3", CommandOutcome.OUTCOME_UNKNOWN),
    ]
    assert effects[-1] == Close(1001, "commands unanswered")


@pytest.mark.parametrize(
    "answer", ['[3,"c1",{"status":"Accepted"}]', '[4,"c1","NotSupported","",{}]']
)
def test_any_answer_even_a_late_refusal_shows_that_commands_are_heard(answer: str) -> None:
    station = connection()
    for number in range(5):
        station.send_call(command(f"c{number}", deadline_s=1000), T0)
    for seconds in (30, 60, 90, 120):
        if seconds == 90:
            station.receive(answer, later(89))
        station.frame_seen(later(seconds))
        assert not any(isinstance(effect, Close) for effect in station.tick(later(seconds)))


def test_a_call_of_the_station_is_answered_before_it_is_made_to_reconnect() -> None:
    station = connection(limits=Limits(unanswered_commands=1))
    station.send_call(command("c1"), T0)
    station.receive('[2,"a","Authorize",{"idTag":"1"}]', later(29))
    assert not any(isinstance(effect, Close) for effect in station.tick(later(30)))
    station.answer(1, {"idTagInfo": {"status": "Accepted"}}, later(31))
    assert station.tick(later(31)) == [Close(1001, "commands unanswered")]
