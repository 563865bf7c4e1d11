"""This instance's own queue: replies to its requests, and reports to its commands at once."""

from collections.abc import Callable, Sequence

import structlog
from pydantic import ValidationError

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.requests import Correlator
from csms_shared.contracts.commands import CommandReport, CommandReportBatch
from csms_shared.contracts.message_types import MessageType

log = structlog.get_logger(__name__)

Reported = Callable[[str, Sequence[CommandReport]], None]


class OwnQueue:
    """Consumer handler; nothing here is durable, so nothing here is ever tried again."""

    def __init__(self, correlator: Correlator, reported: Reported) -> None:
        self._correlator = correlator
        self._reported = reported

    async def __call__(self, deliveries: list[Delivery]) -> None:
        """Hand each delivery to whoever waits for it."""
        for delivery in deliveries:
            if self._correlator.resolve(delivery):
                continue
            if delivery.type != MessageType.COMMAND_REPORTS:
                log.warning("reply_not_understood", type=delivery.type)
                continue
            try:
                batch = CommandReportBatch.model_validate_json(delivery.body)
            except ValidationError as error:
                # Its other copy is parked by the consumer of the durable queue.
                log.warning("report_not_understood", error=str(error)[:500])
                continue
            self._reported(batch.gateway_id, batch.items)
