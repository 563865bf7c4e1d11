"""Stations' calls in messages: read into calls, and answered."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from csms_shared.contracts.calls import CallFault, CallReply, StationCall
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.read_calls import Answer, Call, CallKey, Payload, UnreadCall
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.routing_keys import is_routing_key

Said = TypeVar("Said")
Reader = Callable[[UnreadCall], Said]


def of_payload(read: Callable[[Payload], Said]) -> Reader[Said]:
    """Return a reader of calls that needs nothing but the payload."""
    return lambda call: read(call.value)


def read_call(work: Work, read: Reader[Said]) -> Call[Said]:
    """Return the call that an item is, as `read` reads it.

    Raises:
        ValidationError: it is none.
    """
    item, envelope = StationCall.model_validate(work.item), work.envelope
    stamp = (
        item.station_id,
        item.tenant_id,
        item.connection_id,
        item.epoch,
        item.seq,
        item.boot_count,
        item.received_ms,
        item.deadline_ms,
        envelope["version"],
        envelope.get("reply_key"),
        work.arrived_at,
    )
    return Call(*stamp, read(Call(*stamp, item.payload)))


def find_key(work: Work) -> CallKey | None:
    """Return the key of the call that an item is, None if it is none."""
    if work.type != MessageType.CALLS:
        return None
    try:
        item = StationCall.model_validate(work.item)
    except ValidationError:
        return None
    return item.connection_id, item.seq


def call_reply(answer: Answer[Any], payload: dict[str, Any]) -> Reply:
    """Return the message of an answer.

    Raises:
        ValueError: it is not known where the answer goes.
    """
    if answer.reply_key is None:
        raise ValueError("the message does not say where its answers go")
    connection_id, seq = answer.call_key
    return Reply(
        answer.reply_key,
        MessageType.CALL_REPLIES,
        CallReply(
            connection_id=connection_id,
            seq=seq,
            payload=payload,
            registration=answer.registration,
        ),
    )


def fault_reply(work: Work) -> Reply | None:
    """Return InternalError for a station's call that could not be processed; None for others.

    Nobody is told who waits no more. A parked claim is not answered: no answer of ours may look
    like a decision on the station.
    """
    if work.type != MessageType.CALLS or not isinstance(work.item, dict):
        return None
    get, key = work.item.get, work.envelope.get("reply_key")
    connection_id, seq, deadline_ms = get("connection_id"), get("seq"), get("deadline_ms")
    if not (
        is_routing_key(key)
        and isinstance(connection_id, str)
        and isinstance(seq, int)
        and isinstance(deadline_ms, int)
        and deadline_ms > now_ms()
    ):
        return None
    fault = CallFault(code="InternalError", description="the call was set aside for inspection")
    return Reply(
        key,
        MessageType.CALL_REPLIES,
        CallReply(connection_id=connection_id, seq=seq, fault=fault),
    )
