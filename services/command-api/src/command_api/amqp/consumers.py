"""Every queue that command-api consumes, and what takes its messages."""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.amqp.orders_inbox import OrdersInbox
from command_api.amqp.own_events import OwnEvents
from command_api.amqp.own_queue import OwnQueue
from command_api.amqp.owner_map import OwnerMap
from command_api.commands.domain.preparation import CommandEdge
from command_api.commands.handlers.dispatch import Dispatch
from command_api.commands.handlers.incoming_events import IncomingEvents
from command_api.commands.handlers.orders import Orders
from command_api.commands.handlers.password_rotations import PasswordRotations
from command_api.commands.handlers.reports import CommandReports
from command_api.commands.handlers.watched import WatchedCommands
from command_api.commands.store.queries import stored_among
from command_api.database.service_tables import parked
from csms_shared.broker.consumer import Consumer
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.requests import Correlator
from csms_shared.broker.topology import (
    COMMAND_API,
    command_events_queue,
    command_orders_queue,
    command_results_queue,
    own_events_queue,
    parking_queue,
    replica_queue,
)
from csms_shared.db.engine import in_transaction
from csms_shared.db.outbox import OutboxRelay
from csms_shared.db.parking import ParkingDrain
from csms_shared.observability.system_notices import Tell
from csms_shared.service.inbox import Inbox

# The first of the consumers are those of this incarnation's own queues.
OWN_CONSUMERS = 2
_RESULTS_GATHER_S = 0.02
_EVENTS_GATHER_S = 0.02


def make_consumers(
    *,
    link: Link,
    publisher: Publisher,
    replies: Replies,
    engine: AsyncEngine,
    incarnation: str,
    correlator: Correlator,
    owners: OwnerMap,
    edge: CommandEdge,
    watched: WatchedCommands,
    dispatch: Dispatch,
    rotations: PasswordRotations,
    relay: OutboxRelay,
    accounts_changed: Callable[[], None],
    tell: Tell,
) -> tuple[Consumer, ...]:
    """Return the consumers, those of own queues first; they run when they are told to."""
    reports = CommandReports(
        watched=watched,
        dispatch=dispatch,
        wake_relay=relay.wake,
        wake_rotations=rotations.wake,
    )
    results_queue, events_queue = command_results_queue(), command_events_queue()
    results = Inbox(
        engine=engine,
        publisher=publisher,
        replies=replies,
        service=COMMAND_API,
        queue=results_queue.name,
        apply=reports.apply,
        after_commit=reports.committed,
    )
    incoming = IncomingEvents(dispatch.wake_held)
    events = Inbox(
        engine=engine,
        publisher=publisher,
        replies=replies,
        service=COMMAND_API,
        queue=events_queue.name,
        apply=incoming.apply,
        after_commit=incoming.committed,
    )

    async def stored(ids: Sequence[UUID]) -> set[UUID]:
        return await in_transaction(engine, lambda connection: stored_among(connection, ids))

    orders = OrdersInbox(
        engine,
        publisher,
        replies,
        Orders(owners, stored, edge, dispatch.wake_held, relay.wake),
    )
    own = OwnQueue(correlator, watched.reported, accounts_changed)
    own_events = OwnEvents(owners, watched)
    drain = ParkingDrain(engine, parked, tell)
    return (
        Consumer(link, replica_queue(COMMAND_API, incarnation), own, prefetch=1_000, tell=tell),
        Consumer(
            link,
            own_events_queue(incarnation),
            own_events,
            prefetch=200,
            on_lost=own_events.lost,
            tell=tell,
        ),
        # Whoever waits for a result has it from the own queue.
        Consumer(
            link,
            results_queue,
            results,
            prefetch=200,
            publisher=publisher,
            gather_s=_RESULTS_GATHER_S,
            tell=tell,
        ),
        Consumer(
            link,
            events_queue,
            events,
            prefetch=200,
            publisher=publisher,
            gather_s=_EVENTS_GATHER_S,
            tell=tell,
        ),
        Consumer(link, command_orders_queue(), orders, prefetch=50, publisher=publisher, tell=tell),
        Consumer(link, parking_queue(COMMAND_API), drain, prefetch=50, tell=tell),
    )
