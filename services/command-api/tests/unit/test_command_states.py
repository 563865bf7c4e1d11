"""Every transition of a command, and every one that must not happen."""

from dataclasses import replace
from uuid import UUID

import pytest

from command_api.commands.domain.acceptance import is_accepted
from command_api.commands.domain.states import (
    CommandRecord,
    CommandStatus,
    after_report,
    cancelled,
    overdue_status,
)
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.commands import CommandOutcome, CommandReport
from csms_shared.ocpp.versions import OCPP16

NOW = 1_800_000_000_000
GATEWAY = "gateway-1-abc"
FINAL = [status for status in CommandStatus if status.is_final]
OPEN = [status for status in CommandStatus if not status.is_final]


def command(status: CommandStatus = CommandStatus.PENDING, attempts: int = 1) -> CommandRecord:
    return CommandRecord(
        command_id=UUID(int=1),
        station_id="S1",
        action="Reset",
        ocpp_version="ocpp16",
        payload={"type": "Soft"},
        status=status,
        created_by="admin",
        created_ms=NOW,
        deadline_ms=NOW + 30_000,
        attempts=attempts,
    )


def report(outcome: CommandOutcome, at_ms: int = NOW + 5, **fields: object) -> CommandReport:
    return CommandReport.model_validate(
        {
            "command_id": str(UUID(int=1)),
            "station_id": "S1",
            "outcome": outcome,
            "at_ms": at_ms,
            **fields,
        }
    )


def after(
    before: CommandRecord, outcome: CommandOutcome, at_ms: int = NOW + 5, **fields: object
) -> CommandRecord | None:
    return after_report(before, report(outcome, at_ms, **fields), GATEWAY, NOW + 10)


def changed(
    before: CommandRecord, outcome: CommandOutcome, at_ms: int = NOW + 5, **fields: object
) -> CommandRecord:
    found = after(before, outcome, at_ms, **fields)
    assert found is not None
    return found


def test_a_written_command_is_sent_with_the_time_of_writing() -> None:
    sent = changed(command(), CommandOutcome.SENT, sent_ms=NOW + 3)
    assert (sent.status, sent.sent_ms) == (CommandStatus.SENT, NOW + 3)


@pytest.mark.parametrize("skew_ms", [-120_000, 120_000])
def test_a_gateway_with_a_wrong_clock_has_not_written_before_the_command_or_after_now(
    skew_ms: int,
) -> None:
    sent = changed(command(), CommandOutcome.SENT, sent_ms=NOW + skew_ms)
    assert sent.sent_ms is not None
    assert NOW <= sent.sent_ms <= NOW + 10_000


def test_a_second_sent_report_changes_nothing() -> None:
    assert after(command(CommandStatus.SENT), CommandOutcome.SENT) is None


@pytest.mark.parametrize("status", OPEN)
def test_an_answer_completes_an_open_command(status: CommandStatus) -> None:
    done = changed(
        command(status), CommandOutcome.COMPLETED, response={"status": "Rejected"}, sent_ms=NOW
    )
    assert (done.status, done.accepted, done.sent_ms) == (CommandStatus.COMPLETED, False, NOW)
    assert done.completed_ms == NOW + 5


@pytest.mark.parametrize("now_ms", [NOW + 5, NOW + 10, NOW + 90])
def test_a_command_ended_when_the_gateway_says_whoever_is_told_of_it_and_when(now_ms: int) -> None:
    """Who waits for the answer and what is stored hear of it in different moments."""
    done = after_report(command(), report(CommandOutcome.COMPLETED), GATEWAY, now_ms)
    assert done is not None
    assert done.completed_ms == NOW + 5


@pytest.mark.parametrize("skew_ms", [-3_600_000, 3_600_000])
def test_a_gateways_wrong_clock_ends_no_command_before_it_was_made_or_in_the_future(
    skew_ms: int,
) -> None:
    done = changed(command(), CommandOutcome.COMPLETED, NOW + skew_ms)
    assert done.completed_ms is not None
    assert NOW <= done.completed_ms <= NOW + 10


@pytest.mark.parametrize("status", OPEN)
def test_a_callerror_is_an_error_with_code_text_and_details(status: CommandStatus) -> None:
    failed = changed(
        command(status),
        CommandOutcome.ERROR,
        error_code="NotSupported",
        error_description="no",
        error_details={"a": 1},
    )
    assert failed.status is CommandStatus.ERROR
    assert failed.error == {"code": "NotSupported", "description": "no", "details": {"a": 1}}
    assert failed.accepted is None


def test_a_full_queue_at_the_gateway_is_the_error_busy() -> None:
    busy = changed(command(), CommandOutcome.BUSY)
    assert busy.status is CommandStatus.ERROR
    assert busy.error is not None
    assert busy.error["code"] == "BUSY"


def test_a_deadline_that_passed_before_writing_is_expired() -> None:
    assert changed(command(), CommandOutcome.EXPIRED).status is CommandStatus.EXPIRED


@pytest.mark.parametrize("outcome", [CommandOutcome.NOT_OWNER, CommandOutcome.SUPERSEDED])
def test_what_was_not_written_is_looked_up_once_more_and_then_offline(
    outcome: CommandOutcome,
) -> None:
    first = changed(command(), outcome)
    assert (first.status, first.lookup_again) == (CommandStatus.PENDING, True)
    again = replace(first, lookup_again=False, attempts=2)
    assert changed(again, outcome, NOW + 6).status is CommandStatus.STATION_OFFLINE


def test_the_same_refusal_delivered_twice_counts_once() -> None:
    first = changed(command(), CommandOutcome.NOT_OWNER)
    assert after(first, CommandOutcome.NOT_OWNER) is None
    again = replace(first, lookup_again=False, attempts=2)
    assert after(again, CommandOutcome.NOT_OWNER) is None


def test_a_refusal_of_a_command_that_was_written_changes_nothing() -> None:
    assert after(command(CommandStatus.SENT), CommandOutcome.NOT_OWNER) is None


def test_a_held_command_that_was_not_written_waits_again() -> None:
    held = replace(command(attempts=5), held=True)
    assert changed(held, CommandOutcome.SUPERSEDED).status is CommandStatus.WAITING


@pytest.mark.parametrize("outcome", [CommandOutcome.BUSY, CommandOutcome.EXPIRED])
def test_a_held_command_whose_attempt_had_no_turn_waits_again(outcome: CommandOutcome) -> None:
    held = replace(command(), held=True)
    assert changed(held, outcome, attempt=1).status is CommandStatus.WAITING
    last = replace(held, deadline_ms=NOW + 10)
    assert changed(last, outcome, attempt=1).status.is_final


@pytest.mark.parametrize(
    "outcome",
    [
        CommandOutcome.NOT_OWNER,
        CommandOutcome.SUPERSEDED,
        CommandOutcome.BUSY,
        CommandOutcome.EXPIRED,
    ],
)
@pytest.mark.parametrize("held", [True, False])
def test_that_an_attempt_was_not_written_says_nothing_of_the_next_one(
    outcome: CommandOutcome, held: bool
) -> None:
    second = replace(command(attempts=2), held=held)
    assert after(second, outcome, attempt=1) is None
    assert after(second, outcome, attempt=2) is not None


def test_a_held_command_past_its_deadline_does_not_wait_again() -> None:
    held = replace(command(attempts=2), held=True, deadline_ms=NOW)
    assert changed(held, CommandOutcome.SUPERSEDED).status is CommandStatus.STATION_OFFLINE


def test_no_answer_is_outcome_unknown_and_keeps_the_time_of_writing() -> None:
    unknown = changed(
        replace(command(CommandStatus.SENT), sent_ms=NOW), CommandOutcome.OUTCOME_UNKNOWN
    )
    assert (unknown.status, unknown.sent_ms) == (CommandStatus.OUTCOME_UNKNOWN, NOW)


def test_a_late_answer_replaces_outcome_unknown_once() -> None:
    unknown = command(CommandStatus.OUTCOME_UNKNOWN)
    late = changed(unknown, CommandOutcome.COMPLETED, response={"status": "Accepted"}, late=True)
    assert (late.status, late.accepted) == (CommandStatus.COMPLETED, True)
    assert after(late, CommandOutcome.ERROR, error_code="GenericError", late=True) is None


def test_a_late_callerror_replaces_outcome_unknown() -> None:
    unknown = command(CommandStatus.OUTCOME_UNKNOWN)
    assert changed(unknown, CommandOutcome.ERROR, error_code="X").status is CommandStatus.ERROR


@pytest.mark.parametrize(
    "outcome",
    [o for o in CommandOutcome if o not in (CommandOutcome.COMPLETED, CommandOutcome.ERROR)],
)
def test_only_an_answer_replaces_outcome_unknown(outcome: CommandOutcome) -> None:
    assert after(command(CommandStatus.OUTCOME_UNKNOWN), outcome) is None


@pytest.mark.parametrize("outcome", list(CommandOutcome))
@pytest.mark.parametrize("status", [s for s in FINAL if s is not CommandStatus.OUTCOME_UNKNOWN])
def test_nothing_changes_a_settled_command(status: CommandStatus, outcome: CommandOutcome) -> None:
    assert after(command(status), outcome) is None


def test_a_result_that_comes_before_the_sent_report_is_final() -> None:
    done = changed(command(), CommandOutcome.COMPLETED, response={}, sent_ms=NOW + 1)
    assert after(done, CommandOutcome.SENT) is None
    assert done.sent_ms == NOW + 1


def test_overdue_is_expired_only_where_nothing_can_have_been_written() -> None:
    assert overdue_status(command(CommandStatus.WAITING)) is CommandStatus.EXPIRED
    assert overdue_status(replace(command(), lookup_again=True)) is CommandStatus.EXPIRED
    assert overdue_status(command()) is CommandStatus.OUTCOME_UNKNOWN
    assert overdue_status(command(CommandStatus.SENT)) is CommandStatus.OUTCOME_UNKNOWN


@pytest.mark.parametrize(
    ("action", "status", "accepted"),
    [
        ("Reset", "Accepted", True),
        ("Reset", "Rejected", False),
        ("UnlockConnector", "Unlocked", True),
        ("UnlockConnector", "UnlockFailed", False),
        ("UnlockConnector", "NotSupported", False),
        ("ChangeAvailability", "Scheduled", True),
        ("ChangeConfiguration", "RebootRequired", True),
        ("ChangeConfiguration", "NotSupported", False),
        ("ReserveNow", "Occupied", False),
        ("SendLocalList", "VersionMismatch", False),
        ("GetLog", "AcceptedCanceled", True),
        ("DataTransfer", "UnknownVendorId", False),
    ],
)
def test_accepted_follows_from_the_status_of_the_answer(
    action: str, status: str, accepted: bool
) -> None:
    assert is_accepted(OCPP16, action, {"status": status}) is accepted


def test_an_answer_without_status_is_a_yes() -> None:
    assert is_accepted(OCPP16, "GetConfiguration", {"configurationKey": []})


@pytest.mark.parametrize("status", [["Accepted"], {}, 1, True])
def test_a_status_that_is_no_text_is_a_no(status: object) -> None:
    assert not is_accepted(OCPP16, "Reset", {"status": status})


def test_command_ids_are_version_7_and_grow_with_time() -> None:
    ids = [new_command_id(NOW + step) for step in range(50)]
    assert ids == sorted(ids)
    assert {(found.version, found.variant) for found in ids} == {(7, "specified in RFC 4122")}


def test_a_waiting_command_that_is_cancelled_ends_in_an_error_that_says_by_whom() -> None:
    waiting = replace(command(CommandStatus.WAITING, attempts=1), held=True, refusal="g/1")
    ended = cancelled(waiting, "anna", NOW + 7)
    assert ended is not None
    assert (ended.status, ended.completed_ms, ended.sent_ms) == (CommandStatus.ERROR, NOW + 7, None)
    assert ended.error == {
        "code": "CANCELLED",
        "description": "cancelled by anna before it was sent",
        "details": {},
    }
    assert ended.is_cancelled
    assert not waiting.is_cancelled


@pytest.mark.parametrize(
    "status", [status for status in CommandStatus if status is not CommandStatus.WAITING]
)
def test_what_may_have_been_written_or_has_ended_is_not_cancelled(status: CommandStatus) -> None:
    assert cancelled(command(status), "anna", NOW) is None


@pytest.mark.parametrize("outcome", list(CommandOutcome))
def test_no_report_changes_a_cancelled_command(outcome: CommandOutcome) -> None:
    ended = cancelled(command(CommandStatus.WAITING), "anna", NOW)
    assert ended is not None
    assert after(ended, outcome) is None


def test_a_stations_own_error_of_that_name_is_no_cancellation() -> None:
    sent = changed(command(), CommandOutcome.SENT, sent_ms=NOW + 3)
    failed = changed(sent, CommandOutcome.ERROR, error_code="CANCELLED")
    assert failed.status is CommandStatus.ERROR
    assert not failed.is_cancelled
