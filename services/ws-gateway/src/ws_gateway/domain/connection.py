"""One station's connection: frames, answers, commands and time in, effects out.

The shell owns the socket and the clock. It gives every frame to `receive`, every service's answer
to `answer` or `answer_error`, every command to `send_call`, the time to `tick` about once a second
and the end of the socket to `socket_closed`, and carries out the effects in order. After a `Close`
no method returns effects any more, but that a command is told that it came to the wrong place.
"""

from typing import Any

from csms_shared.contracts.commands import CommandOutcome
from csms_shared.ocpp.frames import CALL, CALL_ERROR, CALL_RESULT, Call, FrameProblem, parse_frame
from ws_gateway.domain.calls import StationCalls
from ws_gateway.domain.commands import OutboundCommand, StationCommands
from ws_gateway.domain.effects import (
    Close,
    CommandFinished,
    Effect,
    FrameUnusable,
    InboundCall,
    Instant,
)
from ws_gateway.domain.limits import DEFAULT_LIMITS, Limits
from ws_gateway.domain.liveness import Liveness
from ws_gateway.domain.registration import Registration

NORMAL_CLOSURE = 1000
GOING_AWAY = 1001
POLICY_VIOLATION = 1008
SERVICE_RESTART = 1012


class StationConnection:
    """The state of one connection; a few hundred bytes while the station is idle."""

    __slots__ = (
        "_calls",
        "_commands",
        "_limits",
        "_liveness",
        "_registration",
        "closed",
        "epoch",
    )

    def __init__(
        self,
        version: str,
        epoch: int,
        registration_status: str,
        now: Instant,
        *,
        booted: bool = False,
        strict: bool = False,
        exempt: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.epoch = epoch
        self.closed = False
        self._limits = limits
        self._registration = Registration(
            version, registration_status, booted=booted, strict=strict, exempt=exempt
        )
        self._calls = StationCalls(version, self._registration, limits)
        self._commands = StationCommands(version, epoch, self._registration, limits)
        self._liveness = Liveness(now)

    @property
    def call_in_progress(self) -> InboundCall | None:
        """The station's call that waits for a service or for the broker."""
        return None if self.closed else self._calls.in_progress

    @property
    def is_busy(self) -> bool:
        """Tell whether a call in either direction waits for its answer."""
        return not self.closed and (
            self._calls.in_progress is not None or self._commands.awaits_answer
        )

    @property
    def registration_status(self) -> str:
        """The station's registration as this connection last learnt it."""
        return self._registration.status

    @property
    def is_exempt(self) -> bool:
        """Tell whether the station is exempt from limits."""
        return self._registration.exempt

    @property
    def known_commands(self) -> int:
        """How many commands may be known here at once, those given up included."""
        return self._commands.remembered + self._limits.abandoned_commands

    def receive(self, raw: bytes | str, now: Instant) -> list[Effect]:
        """Take one text frame of the station."""
        effects: list[Effect] = []
        if self.closed:
            return effects
        self._liveness.frame_seen(now)
        frame = parse_frame(raw, tolerant=not self._registration.strict)
        if isinstance(frame, FrameProblem):
            self._receive_problem(frame, now, effects)
        elif isinstance(frame, Call):
            self._receive_call(frame, len(raw), now, effects)
        else:
            self._commands.answered(frame, now, effects)
        return effects

    def frame_seen(self, now: Instant) -> None:
        """Note a ping, a pong or any other frame that is no message."""
        self._liveness.frame_seen(now)

    def answer(self, seq: int, response: dict[str, Any], now: Instant) -> list[Effect]:
        """Answer the station's call `seq` with this response."""
        effects: list[Effect] = []
        if not self.closed:
            self._calls.answer(seq, response, effects)
            self._close_if_overdue(now, effects)
        return effects

    def answer_error(self, seq: int, code: str, description: str, now: Instant) -> list[Effect]:
        """Answer the station's call `seq` with a CALLERROR."""
        effects: list[Effect] = []
        if not self.closed:
            self._calls.answer_error(seq, code, description, effects)
            self._close_if_overdue(now, effects)
        return effects

    def send_call(self, command: OutboundCommand, now: Instant) -> list[Effect]:
        """Take a command; it is written at once or when those before it are answered."""
        if self.closed:
            not_owner = CommandOutcome.NOT_OWNER
            return [
                CommandFinished(command.command_id, not_owner, now.wall_ms, attempt=command.attempt)
            ]
        effects: list[Effect] = []
        self._commands.take(command, now, effects)
        return effects

    def quiet_until(self) -> float:
        """Return the monotonic time before which a tick does nothing, unless something comes."""
        commands = self._commands
        if self._calls.in_progress is not None or not commands.is_idle or commands.is_deaf:
            return 0.0
        return self._liveness.quiet_until(self._limits.ping_interval_s)

    def tick(self, now: Instant) -> list[Effect]:
        """Do what time asks for."""
        effects: list[Effect] = []
        if self.closed:
            return effects
        self._close_if_overdue(now, effects)
        if self.closed:
            return effects
        if not self._liveness.tick(now, self._limits.ping_interval_s, effects):
            self._end(GOING_AWAY, "silent", CommandOutcome.NOT_OWNER, now, effects)
            return effects
        self._commands.tick(now, effects)
        if self._commands.is_deaf and self._calls.in_progress is None:
            self._end(GOING_AWAY, "commands unanswered", CommandOutcome.NOT_OWNER, now, effects)
        return effects

    def set_registration(
        self, status: str, *, booted: bool, strict: bool, exempt: bool = False
    ) -> None:
        """Take over what the registry now knows of the station."""
        self._registration.status = status
        self._registration.booted = self._registration.booted or booted
        self._registration.strict = strict
        self._registration.exempt = exempt

    def set_status(self, status: str) -> None:
        """Take over the station's registration status alone."""
        self._registration.status = status

    def hand_back_commands(self, now: Instant) -> list[Effect]:
        """Begin no command any more: the connection is about to be closed."""
        effects: list[Effect] = []
        if not self.closed:
            self._commands.hand_back(now, effects)
        return effects

    def superseded(self, epoch: int, now: Instant) -> list[Effect]:
        """Give way to a newer connection of the station; an older epoch changes nothing."""
        effects: list[Effect] = []
        if not self.closed and epoch > self.epoch:
            self._end(NORMAL_CLOSURE, "superseded", CommandOutcome.SUPERSEDED, now, effects)
        return effects

    def close(self, code: int, reason: str, now: Instant) -> list[Effect]:
        """Close the connection for a reason that lies outside it."""
        effects: list[Effect] = []
        if not self.closed:
            self._end(code, reason, CommandOutcome.NOT_OWNER, now, effects)
        return effects

    def socket_closed(self, now: Instant) -> list[Effect]:
        """Finish every command of a socket that is gone already."""
        effects: list[Effect] = []
        if not self.closed:
            self.closed = True
            self._commands.end(CommandOutcome.NOT_OWNER, now, effects)
        return effects

    def _receive_call(
        self, frame: Call | FrameProblem, size: int, now: Instant, effects: list[Effect]
    ) -> None:
        if not self._calls.receive(frame, size, now, effects):
            reason = "too many calls in flight"
            self._end(POLICY_VIOLATION, reason, CommandOutcome.NOT_OWNER, now, effects)

    def _receive_problem(self, frame: FrameProblem, now: Instant, effects: list[Effect]) -> None:
        if frame.message_type == CALL and frame.message_id is not None:
            self._receive_call(frame, len(frame.raw), now, effects)
            return
        effects.append(FrameUnusable(frame.description, frame.raw, answered=False))
        if frame.message_type in (CALL_RESULT, CALL_ERROR):
            self._commands.answered_unreadably(frame, now, effects)

    def _close_if_overdue(self, now: Instant, effects: list[Effect]) -> None:
        if self._calls.is_overdue(now):
            # Silence and CALLERROR each burn one of a station's few attempts; offline it queues.
            self._end(SERVICE_RESTART, "call overdue", CommandOutcome.NOT_OWNER, now, effects)

    def _end(
        self,
        code: int,
        reason: str,
        outcome: CommandOutcome,
        now: Instant,
        effects: list[Effect],
    ) -> None:
        self.closed = True
        self._commands.end(outcome, now, effects)
        effects.append(Close(code, reason))
