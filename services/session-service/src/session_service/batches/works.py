"""The items of a batch, sorted by what they are."""

from collections.abc import Iterator, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.events import CloudEvent
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import ProbeReply
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, Work
from session_service.handling.calls import ReceivedCall, received_call
from session_service.routes import ROUTES, Route


class UnknownWork(Exception):
    """A message of a kind that this queue has no handler for."""


def is_late(work: Work) -> bool:
    """Tell whether nobody waits for the answer to this call any more."""
    deadline = work.item.get("deadline_ms") if isinstance(work.item, dict) else None
    return not isinstance(deadline, int) or deadline <= now_ms()


def routed_calls(
    works: Sequence[Work], kinds: tuple[type[Route], ...]
) -> list[tuple[ReceivedCall, Route]]:
    """Return the calls of a batch, each with its route.

    Raises:
        UnknownWork: something is neither a probe nor a call whose route is of these kinds.
        ValidationError: a call is none, which parks it.
    """
    calls: list[tuple[ReceivedCall, Route]] = []
    for work in works:
        if work.type == MessageType.PROBE:
            continue
        action = (str(work.envelope.get("version")), str(work.envelope.get("action")))
        route = ROUTES.get(action) if work.type == MessageType.CALLS else None
        if not isinstance(route, kinds):
            raise UnknownWork(f"{work.type} {action}")
        calls.append((received_call(work), route))
    return calls


def events_of(works: Sequence[Work], type_: str) -> Iterator[CloudEvent]:
    """Return the events of a type in messages that carry events."""
    for work in works:
        for item in work.item:
            if item.get("type") == type_:
                yield CloudEvent.model_validate(item)


async def answer_probes(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Answer gateways that ask whether this path commits; their question carries one item."""
    keys = [
        work.envelope["reply_key"]
        for work in works
        if work.type == MessageType.PROBE and "reply_key" in work.envelope
    ]
    if keys:
        await connection.execute(text("SELECT 1"))
    return [
        Reply(key, MessageType.PROBE_REPLY, ProbeReply(service=SESSION_SERVICE), batched=False)
        for key in keys
    ]
