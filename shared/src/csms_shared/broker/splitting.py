"""Redelivered batches in single items, so that what kills a consumer takes no neighbour along."""

from collections.abc import Callable

import structlog

from csms_shared.broker.deliveries import Delivery, sent_ms
from csms_shared.broker.errors import PublishUnconfirmed
from csms_shared.broker.publisher import DEFAULT_EXCHANGE, Outgoing, Publisher
from csms_shared.runtime.retrying import until_available

log = structlog.get_logger(__name__)

_JSON = "application/json"


class Splitter:
    """Publishes the items of one queue's messages to that queue again, each by itself."""

    def __init__(self, publisher: Publisher, queue: str, stopping: Callable[[], bool]) -> None:
        self._publisher = publisher
        self._queue = queue
        self._stopping = stopping

    async def split(self, delivery: Delivery) -> bool:
        """Publish the items of a message with several that came again; false where it is none.

        It is never handed back meanwhile: a broker that takes nothing must not count as a delivery.

        Raises:
            PublishUnconfirmed: not all of them are stored, and this process is stopping.
        """
        if not delivery.redelivered or len(delivery.items()) < 2:
            return False
        singles = [
            Outgoing(
                DEFAULT_EXCHANGE,
                self._queue,
                delivery.type,
                body,
                content_type=delivery.message.content_type or _JSON,
                sender=delivery.message.app_id,
                sent_ms=sent_ms(delivery.message),
            )
            for body in delivery.singles()
        ]
        await until_available(
            PublishUnconfirmed, on_failure=self._log_failure, stopping=self._stopping
        )(self._publish, singles)
        return True

    async def _publish(self, singles: list[Outgoing]) -> None:
        """Publish the items and drop from `singles` those that are stored."""
        outcomes = await self._publisher.publish_all(singles)
        left = [
            (single, outcome)
            for single, outcome in zip(singles, outcomes, strict=True)
            if outcome is not None
        ]
        singles[:] = [single for single, _ in left]
        if left:
            raise left[0][1]

    async def _log_failure(self, error: BaseException) -> None:
        log.warning("split_waits", queue=self._queue, error=str(error))
