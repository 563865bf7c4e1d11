"""Events as they come from a queue of this instance's own."""

from collections.abc import Iterator, Sequence

import orjson
import structlog
from pydantic import TypeAdapter, ValidationError

from csms_shared.broker.consumer import Delivery
from csms_shared.contracts.events import CloudEvent
from csms_shared.contracts.message_types import MessageType

log = structlog.get_logger(__name__)

_BATCH = TypeAdapter(list[CloudEvent])


def read_events(deliveries: Sequence[Delivery]) -> Iterator[CloudEvent]:
    """Return the events; those that can't be read were never ours to keep."""
    for delivery in deliveries:
        if delivery.type != MessageType.EVENTS:
            continue
        try:
            yield from _BATCH.validate_python(orjson.loads(delivery.body))
        except (orjson.JSONDecodeError, ValidationError) as error:
            log.warning("event_not_understood", error=str(error)[:500])
