"""Our calls to the station: first in, first out, one outstanding, each written at most once."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from csms_shared.contracts.commands import CommandOutcome
from csms_shared.ocpp.errors import RpcError, error_code
from csms_shared.ocpp.frames import CallError, CallResult, FrameProblem, encode_call
from csms_shared.ocpp.schemas import validate_request, validate_response
from ws_gateway.domain.deviations import Deviation
from ws_gateway.domain.effects import (
    CommandFinished,
    CommandRepeated,
    CommandSent,
    Effect,
    Instant,
    Send,
    StrayAnswer,
    Tolerated,
)
from ws_gateway.domain.limits import Limits
from ws_gateway.domain.registration import Registration
from ws_gateway.domain.trigger_limit import TriggerLimit

LONGEST_COMMAND_ID = 36


@dataclass(slots=True)
class OutboundCommand:
    """A command for this station.

    `command_id` is also the message id on the wire, so it is a UUID as text: unique over all
    connections of the station, and at most 36 characters (OCPP-J 1.6, 4.1.4). A higher `attempt`
    comes only after the one before was reported as not written.
    """

    command_id: str
    action: str
    payload: dict[str, Any]
    epoch: int
    deadline_ms: int
    attempt: int = 0

    def __post_init__(self) -> None:
        if len(self.command_id) > LONGEST_COMMAND_ID:
            raise ValueError(f"command id of more than {LONGEST_COMMAND_ID} characters")


@dataclass(slots=True)
class _Written:
    """A command on the wire."""

    command: OutboundCommand
    sent_ms: int
    answer_due: float


class StationCommands:
    """Calls from us to the station."""

    __slots__ = (
        "_abandoned",
        "_epoch",
        "_handed_back",
        "_limits",
        "_outstanding",
        "_queue",
        "_registration",
        "_seen",
        "_triggers",
        "_unanswered",
        "_version",
    )

    def __init__(
        self, version: str, epoch: int, registration: Registration, limits: Limits
    ) -> None:
        self._version = version
        self._epoch = epoch
        self._registration = registration
        self._limits = limits
        self._outstanding: _Written | None = None
        self._handed_back = False
        self._unanswered = 0
        # Allocated on first use: most of a process's connections are idle.
        self._queue: deque[OutboundCommand] | None = None
        # For each command its deadline, and the attempt that was seen last.
        self._seen: dict[str, tuple[int, int]] | None = None
        self._abandoned: dict[str, _Written] | None = None
        self._triggers: TriggerLimit | None = None

    @property
    def awaits_answer(self) -> bool:
        """Tell whether a command is on the wire."""
        return self._outstanding is not None

    @property
    def is_idle(self) -> bool:
        """Tell whether time changes nothing here: no command is on its way."""
        return self._outstanding is None and not self._queue

    @property
    def is_deaf(self) -> bool:
        """Tell whether the station has left so many commands unanswered that it may never answer.

        Some firmware goes on with its heartbeats and takes no call until it has reconnected.
        """
        too_many = self._unanswered >= self._limits.unanswered_commands
        return too_many and not self._registration.exempt

    @property
    def remembered(self) -> int:
        """How many commands may be known at once until their deadlines."""
        limits = self._limits
        return limits.exempt_commands if self._registration.exempt else limits.remembered_commands

    def take(self, command: OutboundCommand, now: Instant, effects: list[Effect]) -> None:
        """Queue a command, and write it if it is its turn."""
        if command.epoch != self._epoch or self._handed_back:
            # Not remembered: the sender looks up again and may come back with the right epoch.
            effects.append(_unwritten(command, CommandOutcome.NOT_OWNER, now))
            return
        if self._has_seen(command):
            effects.append(CommandRepeated(command.command_id))
            return
        if not self._remember(command, now) or self._is_full:
            effects.append(_unwritten(command, CommandOutcome.BUSY, now))
            return
        problem = validate_request(self._version, command.action, command.payload)
        if problem is not None:
            effects.append(_refused(command, problem.code, problem.description, now))
            return
        if self._queue is None:
            self._queue = deque()
        self._queue.append(command)
        self._write_next(now, effects)

    def tick(self, now: Instant, effects: list[Effect]) -> None:
        """Give up what was not answered, drop what came too late to be written."""
        written = self._outstanding
        if written is not None and now.monotonic >= written.answer_due:
            self._outstanding = None
            self._unanswered += 1
            self._abandon(written)
            effects.append(_finished(written, CommandOutcome.OUTCOME_UNKNOWN, now))
        if self._queue is not None:
            self._expire(self._queue, now, effects)
            self._write_next(now, effects)

    def answered(self, answer: CallResult | CallError, now: Instant, effects: list[Effect]) -> None:
        """Take a station's answer, however late."""
        written = self._outstanding
        late = False
        if written is None or written.command.command_id != answer.message_id:
            written = self._abandoned.pop(answer.message_id, None) if self._abandoned else None
            late = True
        else:
            self._outstanding = None
        if written is None:
            effects.append(StrayAnswer(answer.message_id))
            return
        self._unanswered = 0
        finished = (
            self._refusal(written, answer, now)
            if isinstance(answer, CallError)
            else self._response(written, answer, now, effects)
        )
        finished.late = late
        effects.append(finished)
        self._write_next(now, effects)

    def answered_unreadably(
        self, problem: FrameProblem, now: Instant, effects: list[Effect]
    ) -> bool:
        """Finish the outstanding command if this broken frame is its answer; tell whether."""
        written = self._outstanding
        if written is None or written.command.command_id != problem.message_id:
            return False
        code = error_code(self._version, RpcError.FORMAT_VIOLATION)
        answer = CallError(written.command.command_id, code, problem.description)
        self.answered(answer, now, effects)
        return True

    def hand_back(self, now: Instant, effects: list[Effect]) -> None:
        """Write nothing more; what was never written may be sent elsewhere."""
        self._handed_back = True
        self._return_unwritten(CommandOutcome.NOT_OWNER, now, effects)

    def end(self, outcome: CommandOutcome, now: Instant, effects: list[Effect]) -> None:
        """Finish everything: `outcome` for what was never written, unknown for what was."""
        if self._outstanding is not None:
            effects.append(_finished(self._outstanding, CommandOutcome.OUTCOME_UNKNOWN, now))
            self._outstanding = None
        self._return_unwritten(outcome, now, effects)

    def _return_unwritten(
        self, outcome: CommandOutcome, now: Instant, effects: list[Effect]
    ) -> None:
        effects.extend(_unwritten(command, outcome, now) for command in self._queue or ())
        self._queue = None

    def _write_next(self, now: Instant, effects: list[Effect]) -> None:
        while self._queue and self._outstanding is None:
            command = self._queue.popleft()
            if now.wall_ms >= command.deadline_ms:
                effects.append(_unwritten(command, CommandOutcome.EXPIRED, now))
                continue
            refusal = self._registration.refusal_of_command(command.action, command.payload)
            if refusal is not None:
                effects.append(_refused(command, refusal, "", now))
                continue
            if self._registration.is_trigger(command.action) and not self._may_trigger(now):
                effects.append(_refused(command, "BUSY", "too many triggers", now))
                continue
            self._outstanding = _Written(
                command, now.wall_ms, now.monotonic + self._limits.answer_timeout_s
            )
            self._registration.command_sent(command.action, command.payload)
            effects.append(Send(encode_call(command.command_id, command.action, command.payload)))
            effects.append(CommandSent(command.command_id, now.wall_ms))
        if not self._queue:
            self._queue = None

    @property
    def _is_full(self) -> bool:
        limits = self._limits
        most = limits.exempt_commands if self._registration.exempt else limits.queued_commands
        return self._queue is not None and len(self._queue) >= most

    def _may_trigger(self, now: Instant) -> bool:
        if self._registration.exempt:
            return True
        if self._triggers is None:
            self._triggers = TriggerLimit(self._limits)
        return self._triggers.allows(now.monotonic)

    def _expire(self, queue: deque[OutboundCommand], now: Instant, effects: list[Effect]) -> None:
        if all(now.wall_ms < command.deadline_ms for command in queue):
            return
        for command in list(queue):
            if now.wall_ms >= command.deadline_ms:
                queue.remove(command)
                effects.append(_unwritten(command, CommandOutcome.EXPIRED, now))

    def _response(
        self, written: _Written, answer: CallResult, now: Instant, effects: list[Effect]
    ) -> CommandFinished:
        command = written.command
        finished = _finished(written, CommandOutcome.COMPLETED, now)
        finished.response = answer.payload
        if answer.payload.get("status") != "Accepted":
            self._registration.command_refused(command.action, command.payload)
        problem = validate_response(self._version, command.action, answer.payload)
        if problem is None:
            return finished
        if not self._registration.strict:
            effects.append(Tolerated((Deviation.INVALID_RESPONSE,), command.action))
            return finished
        finished.outcome = CommandOutcome.ERROR
        finished.error_code = problem.code
        finished.error_description = problem.description
        return finished

    def _refusal(self, written: _Written, answer: CallError, now: Instant) -> CommandFinished:
        command = written.command
        self._registration.command_refused(command.action, command.payload)
        finished = _finished(written, CommandOutcome.ERROR, now)
        finished.error_code = answer.code
        finished.error_description = answer.description
        finished.error_details = answer.details
        return finished

    def _has_seen(self, command: OutboundCommand) -> bool:
        seen = None if self._seen is None else self._seen.get(command.command_id)
        return seen is not None and command.attempt <= seen[1]

    def _remember(self, command: OutboundCommand, now: Instant) -> bool:
        """Note the command until its deadline; False when there is no room to."""
        if self._seen is None:
            self._seen = {}
        if len(self._seen) >= self.remembered:
            for command_id in [k for k, (until, _) in self._seen.items() if until <= now.wall_ms]:
                del self._seen[command_id]
            if len(self._seen) >= self.remembered:
                return False
        self._seen[command.command_id] = (command.deadline_ms, command.attempt)
        return True

    def _abandon(self, written: _Written) -> None:
        if self._abandoned is None:
            self._abandoned = {}
        while len(self._abandoned) >= self._limits.abandoned_commands:
            del self._abandoned[next(iter(self._abandoned))]
        self._abandoned[written.command.command_id] = written


def _finished(written: _Written, outcome: CommandOutcome, now: Instant) -> CommandFinished:
    finished = _unwritten(written.command, outcome, now)
    finished.sent_ms = written.sent_ms
    return finished


def _unwritten(command: OutboundCommand, outcome: CommandOutcome, now: Instant) -> CommandFinished:
    return CommandFinished(command.command_id, outcome, now.wall_ms, attempt=command.attempt)


def _refused(
    command: OutboundCommand, code: str, description: str, now: Instant
) -> CommandFinished:
    finished = _unwritten(command, CommandOutcome.ERROR, now)
    finished.error_code = code
    finished.error_description = description
    return finished
