"""What one billing-service process consists of."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from billing_service.amqp.asking import AskOverBroker
from billing_service.amqp.replies import Answers
from billing_service.amqp.requests import requests_inbox
from billing_service.bills.handlers.asking import Ask
from billing_service.bills.handlers.following import following
from billing_service.bills.handlers.running import RunningCosts
from billing_service.bills.handlers.settling import Settling
from billing_service.bills.upkeep import watching
from billing_service.database import MIGRATIONS, SCHEMA
from billing_service.database.service_tables import outbox, parked
from billing_service.settings import Settings
from csms_shared.broker.consumer import Handler
from csms_shared.broker.link import Link
from csms_shared.broker.requests import Correlator, Requester
from csms_shared.broker.topology import (
    BILLING_SERVICE,
    billing_queues,
    event_store_queue,
    replies_queue,
    reports_queue,
)
from csms_shared.contracts.message_types import MessageType
from csms_shared.service.dispatch import dispatching
from csms_shared.service.owning_service import OwningService
from csms_shared.service.probes import answering_probes
from csms_shared.service.routes import MessageRoute

# Beside each other: while one asks, the other calculates.
SETTLERS = 2
# What settles together may keep bills one by one, and each settler has a claim under way.
_SETTLERS_CONNECTIONS = 2 * SETTLERS


def billing_service(
    settings: Settings, link: Link, ask: Callable[[Requester], Ask] = AskOverBroker
) -> OwningService:
    """Put the service together; `ask` makes what asks other services."""
    service = OwningService(
        BILLING_SERVICE,
        settings,
        link,
        schema=SCHEMA,
        migrations=MIGRATIONS,
        outbox=outbox,
        parked=parked,
        queues=billing_queues(),
        # What it tells leaves its outbox for the event store.
        lanes=(event_store_queue(),),
    )
    correlator = Correlator(service.incarnation)
    asking = ask(Requester(service.publisher, correlator))
    queue = reports_queue(BILLING_SERVICE)
    follow = dispatching(
        {
            MessageType.EVENTS: MessageRoute(following(settings.settle_delay_seconds)),
            MessageType.PROBE: MessageRoute(answering_probes(BILLING_SERVICE)),
        }
    )

    def reports(engine: AsyncEngine) -> Handler:
        return service.inbox(engine, queue, follow, tells=False)

    service.consume_reports(1, reports)
    service.consume_own(replies_queue(service.incarnation), Answers(correlator))
    service.consume_requests(
        lambda engines: requests_inbox(
            engines, service.publisher, service.replies, service.about, service.wake_relay
        )
    )
    service.keep_up(watching())
    engine = service.engine("settling", _SETTLERS_CONNECTIONS)
    for _ in range(SETTLERS):
        service.run_beside(Settling(engine, asking, service.wake_relay).run)
    running = service.engine("running costs", 1)
    service.run_beside(RunningCosts(running, asking, service.wake_relay).run)
    return service
