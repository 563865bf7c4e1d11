"""This instance's own queue: replies to its requests, reports to its commands at once, and word
that accounts have changed.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.reading import UnreadableMessage, read_batch, take_each
from csms_shared.broker.requests import Correlator
from csms_shared.contracts.commands import CommandReport, CommandReportBatch
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import monotonic

log = structlog.get_logger(__name__)

Reported = Callable[[str, Sequence[CommandReport]], None]

LOST_AFTER_S = 30.0
_WATCH_S = 1.0


class OwnQueueLost(Exception):
    """The broker answers, but this instance's own queue can't be had: its node is gone."""


class Consuming(Protocol):
    """What is watched of a consumer."""

    @property
    def consuming(self) -> bool:
        """Tell whether the broker delivers to it."""


async def watch_own_queues(
    is_connected: Callable[[], bool],
    consumers: Sequence[Consuming],
    lost_after_s: float = LOST_AFTER_S,
    watch_s: float = _WATCH_S,
) -> None:
    """Watch until cancelled.

    A classic queue lives on one node of the broker, and can't be declared while that is away. The
    name dies with this process: whoever restarts it starts a new incarnation.

    Raises:
        OwnQueueLost: connected for `lost_after_s` seconds without consuming.
    """
    since: float | None = None
    while True:
        await asyncio.sleep(watch_s)
        if not is_connected() or all(consumer.consuming for consumer in consumers):
            since = None
            continue
        since = monotonic() if since is None else since
        if monotonic() - since > lost_after_s:
            raise OwnQueueLost(f"no own queue for {lost_after_s:g} s although connected")


class OwnQueue:
    """Consumer handler; nothing here is durable, so nothing here is ever tried again."""

    def __init__(
        self, correlator: Correlator, reported: Reported, accounts_changed: Callable[[], None]
    ) -> None:
        self._correlator = correlator
        self._reported = reported
        self._accounts_changed = accounts_changed

    async def __call__(self, deliveries: list[Delivery]) -> None:
        """Hand each delivery to whoever waits for it."""
        for delivery in deliveries:
            if self._correlator.resolve(delivery):
                continue
            if delivery.type == MessageType.ACCOUNTS_CHANGED:
                self._accounts_changed()
                continue
            if delivery.type != MessageType.COMMAND_REPORTS:
                log.warning("reply_not_understood", type=delivery.type)
                continue
            # What can't be read is parked by the consumer of the durable queue.
            with contextlib.suppress(UnreadableMessage):
                self._take_reports(delivery.body)

    def _take_reports(self, body: bytes) -> None:
        batch = read_batch(CommandReportBatch, MessageType.COMMAND_REPORTS, body)
        take_each(
            MessageType.COMMAND_REPORTS,
            batch.items,
            lambda report: self._reported(batch.gateway_id, [report]),
        )
