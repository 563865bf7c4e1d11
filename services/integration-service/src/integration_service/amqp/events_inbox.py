"""The consumer handler of the queue of all events."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import structlog

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.topology import INTEGRATION_SERVICE, event_store_queue
from csms_shared.contracts.message_types import MessageType
from csms_shared.db.parking import park
from csms_shared.values.json_texts import written
from integration_service.event_store.domain import Event, NotAnEvent, read_event
from integration_service.event_store.storing import StoredBatch, Storing

log = structlog.get_logger(__name__)

# What can't be read or stored, with the reason.
_Bad = tuple[str, bytes, Exception]


class EventsInbox:
    """Stores what comes, in its order; what is no event, or can't be stored, is parked alone."""

    def __init__(
        self, storing: Storing, publisher: Publisher, tell: Callable[[StoredBatch], None]
    ) -> None:
        self._storing = storing
        self._publisher = publisher
        self._tell = tell

    async def __call__(self, deliveries: Sequence[Delivery]) -> None:
        """Make all events in `deliveries` durable.

        Raises:
            Unavailable: the database is away, or bad items can't be parked; try the same again.
        """
        events, bad = _read(deliveries)
        if events:
            batches, failures = await self._storing(events)
            bad += [
                (MessageType.EVENTS, _as_batch(failure.work.document), failure.error)
                for failure in failures
            ]
            for batch in batches:
                self._tell(batch)
        if bad:
            await self._park(bad)

    async def _park(self, bad: list[_Bad]) -> None:
        for type_, _, error in bad:
            log.error("item_parked", type=type_, error=repr(error)[:1000])
        await park(self._publisher, INTEGRATION_SERVICE, event_store_queue().name, bad)


def _read(deliveries: Sequence[Delivery]) -> tuple[list[Event], list[_Bad]]:
    events: list[Event] = []
    bad: list[_Bad] = []
    for delivery in deliveries:
        if delivery.type == MessageType.PROBE:
            continue
        try:
            documents = orjson.loads(delivery.body)
        except orjson.JSONDecodeError as error:
            bad.append((delivery.type, delivery.body, error))
            continue
        for document in documents if isinstance(documents, list) else [documents]:
            try:
                events.append(read_event(document))
            except NotAnEvent as error:
                bad.append((delivery.type, _as_batch(document), error))
    return events, bad


def _as_batch(document: Any) -> bytes:
    return written([document])
