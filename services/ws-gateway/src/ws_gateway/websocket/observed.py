"""Effects that change nothing: counted and logged."""

from collections.abc import Callable

import structlog

from csms_shared.ocpp.v16 import HEARTBEAT
from csms_shared.runtime.clock import monotonic
from ws_gateway import metrics
from ws_gateway.domain.effects import (
    CallRefused,
    CommandRepeated,
    FrameUnusable,
    HeartbeatAnswered,
    OwnAnswerInvalid,
    ReplyIgnored,
    StrayAnswer,
    Tolerated,
)
from ws_gateway.domain.keyed_rate import KeyedRate
from ws_gateway.domain.masking import shown

log = structlog.get_logger(__name__)

_LOGGED_FRAME_BYTES = 500
_LOGGED_NAME = 36
_LINES_AT_ONCE = 50
_LINE_EVERY_S = 6.0
_MAX_STATIONS = 10_000

Observed = (
    HeartbeatAnswered
    | Tolerated
    | CallRefused
    | FrameUnusable
    | OwnAnswerInvalid
    | CommandRepeated
    | ReplyIgnored
    | StrayAnswer
)


class Observer:
    """Counts everything, and logs so much of each station: one that sends only garbage fills no
    disk."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lines: KeyedRate[str] = KeyedRate(
            burst=_LINES_AT_ONCE, every_s=_LINE_EVERY_S, max_keys=_MAX_STATIONS
        )

    def observe(self, effect: Observed, version: str, station_id: str, connection_id: str) -> None:
        """Take note of one effect."""
        match effect:
            case HeartbeatAnswered():
                metrics.messages("in", HEARTBEAT, "answered").inc()
            case Tolerated(names):
                for name in names:
                    metrics.TOLERATED.labels(name).inc()
            case CallRefused(_, action, code, description):
                label = metrics.action_label(version, action)
                metrics.messages("in", label, "refused").inc()
                self._log(
                    "call_refused",
                    station_id,
                    connection_id,
                    action=action and action[:_LOGGED_NAME],
                    code=code,
                    description=description,
                )
            case FrameUnusable(description, raw, answered):
                metrics.messages("in", "unknown", "unusable").inc()
                self._log(
                    "frame_unusable",
                    station_id,
                    connection_id,
                    description=description,
                    raw=shown(raw[:_LOGGED_FRAME_BYTES].decode(errors="replace")),
                    answered=answered,
                )
            case OwnAnswerInvalid(seq, action, description):
                metrics.messages("in", action, "own_answer_invalid").inc()
                log.error(
                    "own_answer_invalid",
                    station_id=station_id,
                    seq=seq,
                    action=action,
                    description=description,
                )
            case CommandRepeated() | ReplyIgnored():
                # Redelivered: what came first decides.
                pass
            case StrayAnswer(message_id):
                metrics.messages("in", "unknown", "stray_answer").inc()
                self._log(
                    "stray_answer", station_id, connection_id, message_id=message_id[:_LOGGED_NAME]
                )

    def _log(self, event: str, station_id: str, connection_id: str, **details: object) -> None:
        now = self._clock()
        if self._lines.wait_s(station_id, now) > 0:
            return
        self._lines.count(station_id, now)
        log.info(event, station_id=station_id, connection_id=connection_id, **details)
