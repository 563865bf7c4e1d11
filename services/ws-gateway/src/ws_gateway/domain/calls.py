"""The station's calls: one at a time, the others in order behind it (OCPP-J 1.6, 4.1.1)."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from csms_shared.ocpp.action_row import CallKind
from csms_shared.ocpp.actions import refusal_of_station_call, station_calls
from csms_shared.ocpp.errors import RpcError, error_code
from csms_shared.ocpp.frames import Call, FrameProblem, encode_call_error, encode_call_result
from csms_shared.ocpp.schemas import validate_response
from csms_shared.ocpp.v16 import BOOT_NOTIFICATION
from csms_shared.values.times import format_time_ms
from ws_gateway.domain.deviations import Deviation
from ws_gateway.domain.effects import (
    CallRefused,
    Dispatch,
    Effect,
    FrameUnusable,
    HeartbeatAnswered,
    InboundCall,
    Instant,
    OwnAnswerInvalid,
    ReplyIgnored,
    Send,
    Tolerated,
)
from ws_gateway.domain.limits import Limits
from ws_gateway.domain.registration import Registration
from ws_gateway.domain.tolerance import check_exactly, check_tolerantly

_LONGEST_MESSAGE_ID = 36


@dataclass(slots=True)
class _Waiting:
    """A call behind the one in progress, or a broken one whose refusal must wait its turn."""

    seq: int
    frame: Call | FrameProblem
    size: int
    received: Instant


class StationCalls:
    """Calls from the station to us."""

    __slots__ = (
        "_deadline",
        "_limits",
        "_registration",
        "_seq",
        "_version",
        "_waiting",
        "_waiting_bytes",
        "in_progress",
    )

    def __init__(self, version: str, registration: Registration, limits: Limits) -> None:
        self._version = version
        self._registration = registration
        self._limits = limits
        self._seq = 0
        self._deadline = 0.0
        self._waiting: deque[_Waiting] | None = None
        self._waiting_bytes = 0
        self.in_progress: InboundCall | None = None

    def receive(
        self, frame: Call | FrameProblem, size: int, now: Instant, effects: list[Effect]
    ) -> bool:
        """Take one call; return False when too many wait already."""
        self._seq += 1
        arrived = _Waiting(self._seq, frame, size, now)
        if self.in_progress is None:
            self._begin(arrived, (), effects)
            return True
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(arrived)
        self._waiting_bytes += size
        few_enough = self._registration.exempt or len(self._waiting) <= self._limits.queued_calls
        return few_enough and self._waiting_bytes <= self._limits.queued_bytes

    def answer(self, seq: int, response: dict[str, Any], effects: list[Effect]) -> None:
        """Answer the call in progress, then go on with the ones behind it."""
        call = self._finish(seq, effects)
        if call is None:
            return
        problem = validate_response(self._version, call.action, response)
        if problem is None:
            if call.action == BOOT_NOTIFICATION:
                self._registration.boot_answered(response)
            effects.append(Send(encode_call_result(call.message_id, response)))
        else:
            # A wrong .conf confuses a station for good; a CALLERROR only delays it.
            effects.append(OwnAnswerInvalid(seq, call.action, problem.description))
            self._refuse(call.message_id, call.action, RpcError.INTERNAL_ERROR, "", effects)
        self._go_on(effects)

    def answer_error(self, seq: int, code: str, description: str, effects: list[Effect]) -> None:
        """Refuse the call in progress, then go on with the ones behind it."""
        call = self._finish(seq, effects)
        if call is None:
            return
        effects.append(Send(encode_call_error(call.message_id, code, description)))
        effects.append(CallRefused(call.message_id, call.action, code, description))
        self._go_on(effects)

    def is_overdue(self, now: Instant) -> bool:
        """Tell whether the call in progress should have been answered by now."""
        return self.in_progress is not None and now.monotonic >= self._deadline

    def _finish(self, seq: int, effects: list[Effect]) -> InboundCall | None:
        call = self.in_progress
        if call is None or call.seq != seq:
            effects.append(ReplyIgnored(seq))
            return None
        self.in_progress = None
        return call

    def _go_on(self, effects: list[Effect]) -> None:
        while self._waiting and self.in_progress is None:
            waiting = self._waiting.popleft()
            self._waiting_bytes -= waiting.size
            self._begin(waiting, (Deviation.CALLS_IN_FLIGHT,), effects)
        if not self._waiting:
            self._waiting = None

    def _begin(self, arrived: _Waiting, tolerated: tuple[str, ...], effects: list[Effect]) -> None:
        frame = arrived.frame
        if isinstance(frame, FrameProblem):
            assert frame.message_id is not None
            assert frame.error is not None
            effects.append(FrameUnusable(frame.description, frame.raw, answered=True))
            self._refuse(frame.message_id, None, frame.error, frame.description, effects)
            return
        if not self._registration.lets_station_call(frame.action):
            # Before any look at the payload: what is not accepted is not to be probed either.
            self._refuse(
                frame.message_id,
                frame.action,
                RpcError.SECURITY_ERROR,
                "the station is not accepted",
                effects,
            )
            return
        refusal = refusal_of_station_call(self._version, frame.action)
        if refusal is not None:
            self._refuse(frame.message_id, frame.action, refusal, "", effects)
            return
        self._begin_known(arrived, frame, tolerated, effects)

    def _begin_known(
        self, arrived: _Waiting, frame: Call, tolerated: tuple[str, ...], effects: list[Effect]
    ) -> None:
        strict = self._registration.strict
        if strict and len(frame.message_id) > _LONGEST_MESSAGE_ID:
            self._refuse(
                frame.message_id,
                frame.action,
                RpcError.FORMAT_VIOLATION,
                f"message id longer than {_LONGEST_MESSAGE_ID} characters",
                effects,
            )
            return
        check = check_exactly if strict else check_tolerantly
        checked = check(self._version, frame.action, frame.payload)
        if checked.problem is not None:
            problem = checked.problem
            self._refuse(
                frame.message_id, frame.action, problem.error, problem.description, effects
            )
            return
        tolerated += self._tolerated_of_frame(frame) + checked.tolerated
        if tolerated:
            effects.append(Tolerated(tolerated, frame.action))
        self._carry_out(arrived, frame, checked.payload, effects)

    def _carry_out(
        self, arrived: _Waiting, frame: Call, payload: dict[str, Any], effects: list[Effect]
    ) -> None:
        kind = station_calls(self._version)[frame.action].kind_of(payload)
        received = arrived.received
        if kind is CallKind.HEARTBEAT:
            response = {"currentTime": format_time_ms(received.wall_ms)}
            effects.append(Send(encode_call_result(frame.message_id, response)))
            effects.append(HeartbeatAnswered(received.wall_ms))
            return
        deadline_s = self._limits.call_deadline_s
        self._deadline = received.monotonic + deadline_s
        self.in_progress = InboundCall(
            arrived.seq,
            frame.message_id,
            frame.action,
            kind,
            payload,
            received.wall_ms,
            received.wall_ms + int(deadline_s * 1000),
        )
        effects.append(Dispatch(self.in_progress))

    def _tolerated_of_frame(self, frame: Call) -> tuple[str, ...]:
        names: tuple[str, ...] = ()
        if frame.mended:
            names += (Deviation.MENDED_FRAME,)
        if len(frame.message_id) > _LONGEST_MESSAGE_ID:
            names += (Deviation.LONG_MESSAGE_ID,)
        if self._registration.is_forgiven_before_boot(frame.action):
            names += (Deviation.CALL_BEFORE_BOOT,)
        return names

    def _refuse(
        self,
        message_id: str,
        action: str | None,
        error: RpcError,
        description: str,
        effects: list[Effect],
    ) -> None:
        code = error_code(self._version, error)
        effects.append(Send(encode_call_error(message_id, code, description)))
        effects.append(CallRefused(message_id, action, code, description))
