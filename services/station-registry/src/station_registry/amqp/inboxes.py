"""The consumers' handlers, and what the sender of a parked item is told."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import (
    STATION_REGISTRY,
    decisions_queue,
    leases_queue,
    reassertions_queue,
    recordings_queue,
    reports_queue,
)
from csms_shared.contracts.calls import CallFault, CallReply
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Inbox, Reply, Work
from station_registry.certificates.handlers.requests import SigningNow
from station_registry.provisioning.domain.registration import Policies
from station_registry.routes import (
    apply_by,
    decision_routes,
    lease_routes,
    reassertion_routes,
    recording_routes,
    report_routes,
)


def decisions_inbox(
    engine: AsyncEngine,
    publisher: Publisher,
    replies: Replies,
    policies: Policies,
    signing: SigningNow,
    after_commit: Callable[[], None],
) -> Inbox:
    """Return the handler of the decisions queue."""
    return Inbox(
        engine=engine,
        publisher=publisher,
        replies=replies,
        service=STATION_REGISTRY,
        queue=decisions_queue(STATION_REGISTRY).name,
        apply=apply_by(decision_routes(policies, signing)),
        fault_reply=fault_reply,
        after_commit=after_commit,
    )


def reports_inbox(
    engine: AsyncEngine, publisher: Publisher, replies: Replies, after_commit: Callable[[], None]
) -> Inbox:
    """Return the handler of the reports queue."""
    return Inbox(
        engine=engine,
        publisher=publisher,
        replies=replies,
        service=STATION_REGISTRY,
        queue=reports_queue(STATION_REGISTRY).name,
        apply=apply_by(report_routes()),
        after_commit=after_commit,
    )


def leases_inbox(engine: AsyncEngine, publisher: Publisher, replies: Replies) -> Inbox:
    """Return the handler of the queue of leases."""
    return Inbox(
        engine=engine,
        publisher=publisher,
        replies=replies,
        service=STATION_REGISTRY,
        queue=leases_queue().name,
        apply=apply_by(lease_routes()),
    )


def reassertions_inbox(
    engine: AsyncEngine,
    publisher: Publisher,
    replies: Replies,
    policies: Policies,
    after_commit: Callable[[], None],
) -> Inbox:
    """Return the handler of the queue of re-assertions."""
    return Inbox(
        engine=engine,
        publisher=publisher,
        replies=replies,
        service=STATION_REGISTRY,
        queue=reassertions_queue().name,
        apply=apply_by(reassertion_routes(policies)),
        after_commit=after_commit,
    )


def recordings_inbox(engine: AsyncEngine, publisher: Publisher, replies: Replies) -> Inbox:
    """Return the handler of the recordings queue."""
    return Inbox(
        engine=engine,
        publisher=publisher,
        replies=replies,
        service=STATION_REGISTRY,
        queue=recordings_queue().name,
        apply=apply_by(recording_routes()),
    )


def fault_reply(work: Work) -> Reply | None:
    """Return InternalError for a station's call that this service could not process.

    A parked claim is not answered: no answer of ours may look like a decision on the station.
    """
    if work.type != MessageType.CALLS or not isinstance(work.item, dict):
        return None
    item, key = work.item, work.envelope.get("reply_key")
    connection_id, seq, deadline = (
        item.get("connection_id"),
        item.get("seq"),
        item.get("deadline_ms"),
    )
    if not (
        isinstance(key, str)
        and isinstance(connection_id, str)
        and isinstance(seq, int)
        and isinstance(deadline, int)
        and deadline > now_ms()
    ):
        return None
    fault = CallFault(code="InternalError", description="the call was set aside for inspection")
    return Reply(
        key,
        MessageType.CALL_REPLIES,
        CallReply(connection_id=connection_id, seq=seq, fault=fault),
    )
