"""The states of a command and what moves it from one to the next.

    waiting ──connected──> pending ──written──> sent ──answered──> completed | error
       │  <──not written──  │  │                  └──no answer──> outcome_unknown ─late─> ...
       ├──hold_until──> expired └──nobody holds the socket──> station_offline
       └──cancelled──> error

A held command has two deadlines: its own, `hold_until`, and that of each attempt, so that one whose
gateway or sender has died is over within 90 s of its dispatch.

`outcome_unknown` is the only final state that changes, once, to `completed` or `error`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from command_api.commands.domain.acceptance import is_accepted
from command_api.commands.domain.remote_starts import AwaitedStart
from command_api.commands.domain.secret_values import masked_response
from csms_shared.contracts.commands import CommandOutcome, CommandReport
from csms_shared.values.tenants import DEFAULT_TENANT

ANSWER_TIMEOUT_MS = 30_000
GRACE_MS = 5_000
# How long an attempt to send a held command may wait for its turn at the gateway: with answer,
# grace and the sweeper's turn it is over 90 s after its dispatch.
ATTEMPT_MS = 50_000
HOLD_MAX_MS = 7 * 24 * 3600 * 1000
MAX_ATTEMPTS = 2
# The code of a command that somebody ended before it was sent.
_CANCELLED = "CANCELLED"
_NOT_OWNED = (CommandOutcome.NOT_OWNER, CommandOutcome.SUPERSEDED)
_NO_TURN = (CommandOutcome.BUSY, CommandOutcome.EXPIRED)


class CommandStatus(StrEnum):
    """Where a command stands, as REST spells it."""

    WAITING = "waiting"
    PENDING = "pending"
    SENT = "sent"
    COMPLETED = "completed"
    ERROR = "error"
    STATION_OFFLINE = "station_offline"
    EXPIRED = "expired"
    OUTCOME_UNKNOWN = "outcome_unknown"

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected."""
        return self not in _OPEN

    @property
    def is_settled(self) -> bool:
        """Whether nothing can change it any more."""
        return self.is_final and self is not CommandStatus.OUTCOME_UNKNOWN


_OPEN = (CommandStatus.WAITING, CommandStatus.PENDING, CommandStatus.SENT)


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command as it is stored. Times in milliseconds since the epoch.

    `attempts` counts how often it was handed to a gateway; `attempt_deadline_ms`, of a held one, is
    by when the last of them must be written. `lookup_again`: a gateway has not
    written it, and it waits for a fresh look-up of the station's owner. `refusal` names the
    gateway's last such report, so that its redelivery counts once. `held` commands go back to
    `waiting` instead. `awaited_start` is what a remote start asks for. `rotation_proofs` are the
    proofs of a password that the command sets. `intent` is what an ordered command says in no
    version's words, as its order had it; `action` and `payload` say it in `ocpp_version`, and
    alone where it is None. `unchecked`: a service has to be asked before it is sent.
    """

    command_id: UUID
    station_id: str
    action: str
    ocpp_version: str
    payload: dict[str, Any]
    status: CommandStatus
    created_by: str
    created_ms: int
    deadline_ms: int
    held: bool = False
    attempts: int = 0
    attempt_deadline_ms: int | None = None
    lookup_again: bool = False
    refusal: str | None = None
    accepted: bool | None = None
    response: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    sent_ms: int | None = None
    completed_ms: int | None = None
    transaction_id: int | None = None
    awaited_start: AwaitedStart | None = None
    rotation_proofs: tuple[str, ...] | None = None
    intent: dict[str, Any] | None = None
    unchecked: bool = False
    tenant_id: str = DEFAULT_TENANT

    @property
    def is_cancelled(self) -> bool:
        """Whether it was ended before it was sent; a station's own error has been sent for."""
        code = None if self.error is None else self.error.get("code")
        return self.status is CommandStatus.ERROR and code == _CANCELLED and self.sent_ms is None


def after_report(
    command: CommandRecord, report: CommandReport, gateway_id: str, now_ms: int
) -> CommandRecord | None:
    """Return the command as the gateway's report makes it, None where it changes nothing."""
    outcome = report.outcome
    if not isinstance(outcome, CommandOutcome):
        return None
    answered = outcome in (CommandOutcome.COMPLETED, CommandOutcome.ERROR)
    if command.status.is_settled or (command.status.is_final and not answered):
        return None
    if outcome in _NOT_OWNED + _NO_TURN and report.attempt not in (None, command.attempts):
        # Another attempt was not written; this one may be.
        return None
    if outcome is CommandOutcome.SENT:
        if command.status is CommandStatus.SENT:
            return None
        return replace(
            command,
            status=CommandStatus.SENT,
            sent_ms=_happened_ms(command, report.sent_ms or report.at_ms, now_ms),
            lookup_again=False,
        )
    waits_again = command.held and command.deadline_ms > now_ms and outcome in _NO_TURN
    if outcome in _NOT_OWNED or waits_again:
        return _not_written(command, f"{gateway_id}/{report.at_ms}", now_ms)
    return _ended_by_report(command, report, now_ms)


def _ended_by_report(command: CommandRecord, report: CommandReport, now_ms: int) -> CommandRecord:
    status, accepted, error = CommandStatus.OUTCOME_UNKNOWN, None, None
    match report.outcome:
        case CommandOutcome.COMPLETED:
            status = CommandStatus.COMPLETED
            accepted = is_accepted(command.ocpp_version, command.action, report.response or {})
        case CommandOutcome.ERROR:
            status = CommandStatus.ERROR
            error = {
                "code": report.error_code or "GenericError",
                "description": report.error_description or "",
                "details": report.error_details or {},
            }
        case CommandOutcome.BUSY:
            status = CommandStatus.ERROR
            error = {
                "code": "BUSY",
                "description": "too many commands wait for this station already",
                "details": {},
            }
        case CommandOutcome.EXPIRED:
            status = CommandStatus.EXPIRED
    return replace(
        ended(command, status, _happened_ms(command, report.at_ms, now_ms)),
        accepted=accepted,
        response=masked_response(command.ocpp_version, command.action, report.response or {})
        if status is CommandStatus.COMPLETED
        else None,
        error=error,
        sent_ms=command.sent_ms
        if report.sent_ms is None
        else _happened_ms(command, report.sent_ms, now_ms),
    )


# Clocks that differ by less than this are taken to agree.
_CLOCKS_AGREE_MS = 1_000


def _happened_ms(command: CommandRecord, told_ms: int, now_ms: int) -> int:
    """Return when a command was written or ended, the same for who waits and for what is stored.

    A gateway's clock may be wrong, but not the order.
    """
    if told_ms > now_ms + _CLOCKS_AGREE_MS:
        told_ms = now_ms
    return max(command.created_ms, told_ms)


def _not_written(command: CommandRecord, refusal: str, now_ms: int) -> CommandRecord | None:
    if command.status is not CommandStatus.PENDING or command.lookup_again:
        return None
    if command.refusal == refusal:
        return None
    if command.held and command.deadline_ms > now_ms:
        return replace(command, status=CommandStatus.WAITING, refusal=refusal)
    if command.attempts < MAX_ATTEMPTS:
        return replace(command, lookup_again=True, refusal=refusal)
    return replace(ended(command, CommandStatus.STATION_OFFLINE, now_ms), refusal=refusal)


def ended(command: CommandRecord, status: CommandStatus, now_ms: int) -> CommandRecord:
    """Return the command in a final state."""
    return replace(command, status=status, completed_ms=now_ms, lookup_again=False)


def cancelled(command: CommandRecord, by: str, now_ms: int) -> CommandRecord | None:
    """Return the command as somebody's cancellation ends it, None where it may have been written.

    In `error`, as those of a cancelled group end: programs of the release before could not read a
    row with a state of its own, whoever ordered the command takes an error for what it is, and
    `expired` would say that its time was over.
    """
    if command.status is not CommandStatus.WAITING:
        return None
    error = cancellation(f"cancelled by {by} before it was sent")
    return replace(ended(command, CommandStatus.ERROR, now_ms), error=error)


def cancellation(description: str) -> dict[str, Any]:
    """Return the error of a command that is not sent any more, because somebody wants it so."""
    return {"code": _CANCELLED, "description": description, "details": {}}


def waiting_again(command: CommandRecord) -> CommandRecord:
    """Return a held command that was not sent after all."""
    return replace(command, status=CommandStatus.WAITING)


def overdue_status(command: CommandRecord) -> CommandStatus:
    """Return the final state of a command that nobody has heard of in time.

    Never handed to a gateway, or known not to have been written: `expired`. Everything else may
    have reached the station.
    """
    if command.status is CommandStatus.WAITING or command.lookup_again:
        return CommandStatus.EXPIRED
    return CommandStatus.OUTCOME_UNKNOWN
