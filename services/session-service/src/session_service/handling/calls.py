"""A station's call as a handler gets it, and its reply."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from csms_shared.contracts.calls import CallReply, StationCall
from csms_shared.contracts.message_types import MessageType
from csms_shared.service.inbox import Reply, Work


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    """One call with the message that brought it."""

    work: Work
    call: StationCall
    received_at: datetime

    @property
    def payload(self) -> dict[str, Any]:
        """The OCPP payload as the gateway let it pass."""
        return self.call.payload


def received_call(work: Work) -> ReceivedCall:
    """Read a work item as a call.

    Raises:
        ValidationError: it is none, which parks it.
    """
    call = StationCall.model_validate(work.item)
    return ReceivedCall(work, call, datetime.fromtimestamp(call.received_ms / 1000, UTC))


def stored_call(station_id: str, row: Any) -> ReceivedCall:
    """Return the call that a row keeps with its payload and stamp; nobody waits for its answer."""
    call = StationCall(
        station_id=station_id,
        connection_id=row.connection_id,
        epoch=row.epoch,
        seq=row.seq,
        received_ms=int(row.received_at.timestamp() * 1000),
        deadline_ms=0,
        payload=row.payload,
    )
    return ReceivedCall(Work("", {}, None), call, row.received_at)


def call_reply(received: ReceivedCall, payload: dict[str, Any]) -> Reply:
    """Return the answer to a decision."""
    return Reply(
        received.work.envelope["reply_key"],
        MessageType.CALL_REPLIES,
        CallReply(
            connection_id=received.call.connection_id, seq=received.call.seq, payload=payload
        ),
    )
