"""Refused handshakes on their way to the registry: counts, told again as they grow."""

import asyncio

import orjson

from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import REQUESTS, STATION_REGISTRY, reports_key
from csms_shared.contracts.message_types import MessageType
from ws_gateway import metrics
from ws_gateway.amqp.lane import Backlog, Lane, Publishing
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.amqp.services import ServiceWatch
from ws_gateway.domain.refusal_counts import Counted, Key, RefusalCounts

TELL_EVERY_S = 1.0
_PATIENCE_S = 15.0
_MAX_WAITING = 10_000

_Tag = tuple[Key, Counted]


class RefusalReports:
    """Counts refusals and tells of those that have changed, once a second.

    What is not stored in time is told with the next count, which includes it.
    """

    def __init__(
        self,
        group: asyncio.TaskGroup,
        publisher: Publishing,
        own_queue: OwnQueue,
        registry: ServiceWatch,
        ids_per_address: int,
    ) -> None:
        self._own_queue = own_queue
        self.counts = RefusalCounts(ids_per_address)
        # A backlog of its own: a storm of refusals must take no room from calls.
        self._lane: Lane[_Tag] = Lane(
            "refusals",
            group,
            publisher,
            Backlog(_MAX_WAITING),
            self._seal,
            on_refused=registry.publish_refused,
            on_given_up=self.counts.changed_again,
        )

    @property
    def idle(self) -> bool:
        """Tell whether nothing is on its way to the broker."""
        return self._lane.idle

    def tell(self) -> None:
        """Hand what has changed to the lane."""
        for key, counted in self.counts.take_changed():
            station_id, remote_address, reason = key
            body = orjson.dumps(
                {
                    "station_id": station_id,
                    "remote_address": remote_address,
                    "reason": reason,
                    "detail": counted.detail,
                    "http_status": counted.http_status,
                    "refused_ms": counted.last_ms,
                    "times": counted.times,
                    "first_ms": counted.first_ms,
                    "period_ms": counted.period_ms,
                }
            )
            if not self._lane.add(body, (key, counted), _PATIENCE_S):
                metrics.DROPPED.labels("refusals").inc()
                self.counts.changed_again([(key, counted)])

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            self.tell()

    def _seal(self, items: bytes) -> Outgoing:
        gateway_id = orjson.dumps(self._own_queue.incarnation)
        body = b'{"gateway_id":%s,"items":[%s]}' % (gateway_id, items)
        return Outgoing(REQUESTS, reports_key(STATION_REGISTRY), MessageType.REFUSALS, body)
