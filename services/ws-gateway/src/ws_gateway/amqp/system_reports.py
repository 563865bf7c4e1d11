"""System notices on their way to the registry, which writes them to its outbox as events."""

import asyncio

import orjson

from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import REQUESTS, STATION_REGISTRY, reports_key
from csms_shared.contracts.message_types import MessageType
from csms_shared.observability.system_notices import DROPPED, MOST_WAITING, SystemNotices
from ws_gateway.amqp.lane import Backlog, Lane, Publishing
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.amqp.services import ServiceWatch

SERVICE = "ws-gateway"
TELL_EVERY_S = 1.0
# What the broker has not taken for so long is of no use to anybody.
_PATIENCE_S = 300.0


class SystemReports:
    """Sends the notices of this gateway, once a second."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        publisher: Publishing,
        own_queue: OwnQueue,
        registry: ServiceWatch,
    ) -> None:
        self._own_queue = own_queue
        self.notices = SystemNotices(SERVICE, lambda: own_queue.incarnation)
        # A backlog of its own: what is told of calls must take no room from them.
        self._lane: Lane[None] = Lane(
            "system-notices",
            group,
            publisher,
            Backlog(MOST_WAITING),
            self._seal,
            on_refused=registry.publish_refused,
        )

    @property
    def idle(self) -> bool:
        """Tell whether nothing is on its way to the broker."""
        return self._lane.idle

    def tell(self, *, everything: bool = False) -> None:
        """Hand what is due, or `everything`, to the lane."""
        for notice in self.notices.take(everything=everything):
            if not self._lane.add(notice.model_dump_json().encode(), None, _PATIENCE_S):
                DROPPED.inc()

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            self.tell()

    def _seal(self, items: bytes) -> Outgoing:
        gateway_id = orjson.dumps(self._own_queue.incarnation)
        body = b'{"gateway_id":%s,"items":[%s]}' % (gateway_id, items)
        return Outgoing(REQUESTS, reports_key(STATION_REGISTRY), MessageType.SYSTEM_NOTICES, body)
