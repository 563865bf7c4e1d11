"""What one integration-service process consists of."""

from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.consumer import Handler
from csms_shared.broker.link import Link
from csms_shared.broker.topology import INTEGRATION_SERVICE, event_store_queue, integration_queues
from csms_shared.db.outbox_publishing import public_publisher
from csms_shared.service.owning_service import OwningService
from integration_service.amqp.events_inbox import EventsInbox
from integration_service.amqp.requests import requests_inbox
from integration_service.amqp.stored_batches import StoredBatches
from integration_service.database import MIGRATIONS, SCHEMA
from integration_service.database.service_tables import outbox, parked
from integration_service.event_store.storing import StoredBatch, Storing
from integration_service.event_store.upkeep import upkeep_tasks
from integration_service.public_exchange.feed import PublicFeed
from integration_service.replays.sending import Replays, purge_replays
from integration_service.settings import Settings

# What arrives meanwhile is stored together: the fewer transactions, the less each event costs.
EVENTS_GATHER_S = 0.05
# A round, and what subscribers have not taken.
_FEED_CONNECTIONS = 2


def integration_service(settings: Settings, link: Link) -> OwningService:
    """Put the service together."""
    service = OwningService(
        INTEGRATION_SERVICE,
        settings,
        link,
        schema=SCHEMA,
        migrations=MIGRATIONS,
        outbox=outbox,
        parked=parked,
        queues=integration_queues(),
    )
    public_link = Link(settings.broker_url.get_secret_value(), f"{INTEGRATION_SERVICE} public")
    feed = PublicFeed(
        service.engine("public exchange", _FEED_CONNECTIONS),
        public_publisher(public_link),
        service.notices.add,
    )
    replays = Replays(service.engine("replays", 1), service.publisher)
    head = Storing(service.engine("head", 1)).head
    batches = StoredBatches(service.publisher, head)

    def tell(batch: StoredBatch) -> None:
        batches(batch)
        feed.wake()

    def storing(engine: AsyncEngine) -> Handler:
        return EventsInbox(Storing(engine), service.publisher, tell)

    service.consume_in_order(event_store_queue(), storing, gather_s=EVENTS_GATHER_S)
    service.consume_requests(
        lambda engines: requests_inbox(
            engines,
            link,
            service.publisher,
            service.replies,
            service.about,
            service.wake_relay,
        )
    )
    service.keep_up(
        *upkeep_tasks(
            event_days=settings.event_retention_days,
            measurement_days=settings.measurement_retention_days,
        ),
        purge_replays(),
    )
    for task in (batches.run, feed.run, replays.run):
        service.run_beside(task)
    service.close_too(public_link.close)
    service.warn(feed.warnings)
    return service
