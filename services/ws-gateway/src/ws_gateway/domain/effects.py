"""What a connection wants done; carried out in order by the shell around it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from csms_shared.contracts.commands import CommandOutcome
from csms_shared.ocpp.action_row import CallKind


class Instant(NamedTuple):
    """One moment on both clocks: `monotonic` in seconds for time-outs, `wall_ms` for stamps."""

    monotonic: float
    wall_ms: int


@dataclass(slots=True)
class InboundCall:
    """A station's call that passed validation; `seq` is its key on this connection."""

    seq: int
    message_id: str
    action: str
    kind: CallKind
    payload: dict[str, Any]
    received_ms: int
    deadline_ms: int


@dataclass(slots=True)
class Send:
    """Write this text frame."""

    text: str


@dataclass(slots=True)
class Dispatch:
    """Hand the call to its lane; answer with `answer` or `answer_error` by its `seq`."""

    call: InboundCall


@dataclass(slots=True)
class HeartbeatAnswered:
    """A Heartbeat was answered by the gateway itself; the registry learns of it in batches."""

    received_ms: int


@dataclass(slots=True)
class CallRefused:
    """A station's call was answered CALLERROR (the answer is an effect of its own)."""

    message_id: str
    action: str | None
    code: str
    description: str


@dataclass(slots=True)
class FrameUnusable:
    """A frame was neither a call nor an answer; `answered` tells whether its sender was told."""

    description: str
    raw: bytes
    answered: bool


@dataclass(slots=True)
class Tolerated:
    """Deviations from the specification that were forgiven."""

    names: tuple[str, ...]
    action: str


@dataclass(slots=True)
class ReplyIgnored:
    """A service answered a call that no longer waits for it."""

    seq: int


@dataclass(slots=True)
class OwnAnswerInvalid:
    """A service's answer breaks its schema; the station got InternalError instead."""

    seq: int
    action: str
    description: str


@dataclass(slots=True)
class CommandSent:
    """The command's frame is in the effect before this one: from now on it may have effect."""

    command_id: str
    at_ms: int


@dataclass(slots=True)
class CommandFinished:
    """The end of a command; exactly one each, and after `OUTCOME_UNKNOWN` at most one `late`.

    `sent_ms` is None where nothing was written to the socket.
    """

    command_id: str
    outcome: CommandOutcome
    at_ms: int
    sent_ms: int | None = None
    response: dict[str, Any] | None = None
    error_code: str | None = None
    error_description: str | None = None
    error_details: dict[str, Any] | None = None
    late: bool = False
    attempt: int = 0


@dataclass(slots=True)
class CommandRepeated:
    """A command came a second time; its first arrival decides."""

    command_id: str


@dataclass(slots=True)
class StrayAnswer:
    """A station answered a message that was never sent, or was given up long ago."""

    message_id: str


@dataclass(slots=True)
class Ping:
    """Send a WebSocket ping."""


@dataclass(slots=True)
class Close:
    """Close the socket; always the last effect of a connection."""

    code: int
    reason: str


Effect = (
    Send
    | Dispatch
    | HeartbeatAnswered
    | CallRefused
    | FrameUnusable
    | Tolerated
    | ReplyIgnored
    | OwnAnswerInvalid
    | CommandSent
    | CommandFinished
    | CommandRepeated
    | StrayAnswer
    | Ping
    | Close
)
