"""The requests that integration-service answers: a literal table from operation to handler."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import INTEGRATION_SERVICE
from csms_shared.contracts.event_store import INTEGRATION_OPERATIONS, Head, ReadHead
from csms_shared.db.engine import transactional
from csms_shared.db.parked_requests import parked_operations
from csms_shared.db.tenancy import RequestEngines
from csms_shared.service.about import AboutInstance
from csms_shared.service.requests_inbox import RequestsInbox
from integration_service.database.service_tables import bulk_action, parked
from integration_service.event_store.reading import read_events
from integration_service.event_store.store import read_head
from integration_service.event_store.system_events import list_system_events
from integration_service.replays.requests import get_replay, starting, stop_replay
from integration_service.replays.store import list_page


def requests_inbox(
    engines: RequestEngines,
    link: Link,
    publisher: Publisher,
    replies: Replies,
    about: AboutInstance,
    after: Callable[[], None],
) -> RequestsInbox:
    """Return the consumer handler of the requests queue; parked items are the platform's."""
    engine = engines.of_tenant
    return RequestsInbox(
        replies=replies,
        operations=INTEGRATION_OPERATIONS,
        handlers={
            "events.head": transactional(engine, _head),
            "events.read": transactional(engine, read_events),
            "events.start_replay": starting(engine, link),
            "events.get_replay": transactional(engine, get_replay),
            "events.stop_replay": transactional(engine, stop_replay),
            "events.list_replays": transactional(engine, list_page),
            "events.list_system": transactional(engine, list_system_events),
            **about.operations(engines.of_all),
            **parked_operations(
                engines.of_all, publisher, parked, bulk_action, INTEGRATION_SERVICE
            ),
        },
        after=after,
    )


async def _head(connection: AsyncConnection, _: ReadHead) -> Head:
    return Head(position=await read_head(connection))
