"""Commands on their way to the gateway that holds the socket, and what became of them."""

from enum import StrEnum
from typing import Any

from csms_shared.contracts.envelope import Batch, Contract, Open, ReplyKey


class Command(Contract):
    """One call that an operator wants a station to get.

    `deadline_ms`: not written to the socket after this time. `epoch`: of the connection that the
    sender believes to be current; a gateway that holds another epoch answers `not_owner`.
    `attempt` numbers the times that the command was handed to a gateway: a higher one is sent
    only once the one before is known not to have been written.
    """

    command_id: str
    station_id: str
    epoch: int
    action: str
    payload: dict[str, Any]
    deadline_ms: int
    attempt: int = 0


class CommandBatch(Batch[Command]):
    """Commands for stations of one gateway; reports go to `reply_key` of `csms.replies.v1`."""

    reply_key: ReplyKey


class CommandOutcome(StrEnum):
    """What a gateway reports; the first four mean that nothing was written to the socket."""

    NOT_OWNER = "not_owner"
    SUPERSEDED = "superseded"
    BUSY = "busy"
    EXPIRED = "expired"
    SENT = "sent"
    COMPLETED = "completed"
    ERROR = "error"
    OUTCOME_UNKNOWN = "outcome_unknown"


class CommandReport(Contract):
    """A step of one command; `sent` may be followed by exactly one of the last three.

    `completed` carries the station's `response`, `error` its CALLERROR code, text and details.
    `late` marks an answer that came after `outcome_unknown` was reported. `attempt` is that of
    the command it speaks of.
    """

    command_id: str
    station_id: str
    outcome: Open[CommandOutcome]
    at_ms: int
    sent_ms: int | None = None
    response: dict[str, Any] | None = None
    error_code: str | None = None
    error_description: str | None = None
    error_details: dict[str, Any] | None = None
    late: bool = False
    attempt: int | None = None


class CommandReportBatch(Batch[CommandReport]):
    """Reports of one gateway to one requester."""

    gateway_id: str
