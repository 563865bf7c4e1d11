"""Events as they come from a queue of this instance's own."""

from collections.abc import Callable, Sequence

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.reading import read_events, take_each
from csms_shared.contracts.events import CloudEvent
from csms_shared.contracts.message_types import MessageType


def take_events(deliveries: Sequence[Delivery], take: Callable[[CloudEvent], None]) -> None:
    """Take every event by itself; those that can't be read were never ours to keep."""
    for delivery in deliveries:
        if delivery.type == MessageType.EVENTS:
            take_each(MessageType.EVENTS, read_events(delivery.body), take)
