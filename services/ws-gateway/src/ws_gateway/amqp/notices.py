"""What the registry is told without being asked for an answer: releases and liveness."""

import asyncio
import math

import orjson

from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import REQUESTS, STATION_REGISTRY, reports_key
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import now_ms
from ws_gateway import metrics
from ws_gateway.amqp.connections import HeldConnection
from ws_gateway.amqp.lane import Backlog, Lane, Publishing
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.amqp.services import ServiceWatch

LIVENESS_INTERVAL_S = 5.0
# A release that comes too late is harmless; one that never comes leaves a station online that
# nobody holds. They cannot outgrow this: while they gather, no connection is claimed either.
_MAX_RELEASES = 200_000
_RELEASE_PATIENCE_S = math.inf
_LIVENESS_PATIENCE_S = 15.0


class Notices:
    """The lanes of the unanswered messages to the registry."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        publisher: Publishing,
        backlog: Backlog,
        own_queue: OwnQueue,
        registry: ServiceWatch,
    ) -> None:
        self._own_queue = own_queue
        self._heard: dict[str, HeldConnection] = {}
        # A backlog of its own: calls must leave room for releases.
        releases = Backlog(_MAX_RELEASES)

        def lane(name: str, type: MessageType, room: Backlog) -> Lane[None]:
            return Lane(
                name,
                group,
                publisher,
                room,
                lambda items: self._seal(type, items),
                on_refused=registry.publish_refused,
            )

        self._releases = lane("releases", MessageType.RELEASES, releases)
        self._liveness = lane("liveness", MessageType.LIVENESS, backlog)

    @property
    def idle(self) -> bool:
        """Tell whether nothing is on its way to the broker."""
        return self._releases.idle and self._liveness.idle

    def release(self, station_id: str, connection_id: str, epoch: int, reason: str) -> None:
        """Let a connection go."""
        body = orjson.dumps(
            {
                "station_id": station_id,
                "connection_id": connection_id,
                "epoch": epoch,
                "reason": reason,
                "released_ms": now_ms(),
            }
        )
        if not self._releases.add(body, None, _RELEASE_PATIENCE_S):
            metrics.DROPPED.labels("releases").inc()

    def heard(self, held: HeldConnection) -> None:
        """Note that a station was heard; told with the next batch."""
        self._heard[held.connection_id] = held

    def forget(self, held: HeldConnection) -> None:
        """Say nothing more of a connection that ended, but what was forgiven of it at the last.

        When it ended is in its release.
        """
        self._heard.pop(held.connection_id, None)
        tolerated = held.take_tolerated()
        if tolerated:
            self._tell(held, tolerated)

    def tell_liveness(self) -> None:
        """Hand the stations heard since the last time to their lane, which pages them."""
        heard, self._heard = self._heard, {}
        for held in heard.values():
            self._tell(held, held.take_tolerated())

    def _tell(self, held: HeldConnection, tolerated: dict[str, int]) -> None:
        body = orjson.dumps(
            {
                "station_id": held.station_id,
                "connection_id": held.connection_id,
                "epoch": held.epoch,
                "last_seen_ms": held.last_seen_ms,
                "tolerated": tolerated,
            }
        )
        if not self._liveness.add(body, None, _LIVENESS_PATIENCE_S):
            metrics.DROPPED.labels("liveness").inc()

    async def run(self) -> None:
        """Tell of liveness until cancelled."""
        while True:
            await asyncio.sleep(LIVENESS_INTERVAL_S)
            self.tell_liveness()

    def _seal(self, type: MessageType, items: bytes) -> Outgoing:
        body = b'{"gateway_id":%s,"items":[%s]}' % (
            orjson.dumps(self._own_queue.incarnation),
            items,
        )
        return Outgoing(REQUESTS, reports_key(STATION_REGISTRY), type, body)
