"""Station calls to the services that own them: one lane per OCPP version, action and kind."""

import asyncio
from collections.abc import Mapping

import orjson

from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import CALLS, call_key
from csms_shared.contracts.message_types import MessageType
from csms_shared.ocpp.action_row import CallKind
from csms_shared.ocpp.actions import station_calls
from csms_shared.runtime.clock import monotonic
from ws_gateway.amqp.batch_delay import BatchDelay
from ws_gateway.amqp.connections import HeldConnection
from ws_gateway.amqp.lane import Backlog, Lane, Publishing
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.amqp.services import ServiceWatch
from ws_gateway.domain.effects import InboundCall

_Tag = tuple[HeldConnection, int]


class CallLanes:
    """Publishes calls; confirms reports to their connections."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        publisher: Publishing,
        backlog: Backlog,
        own_queue: OwnQueue,
        services: Mapping[str, ServiceWatch],
        batch_delay: BatchDelay,
    ) -> None:
        self._group = group
        self._publisher = publisher
        self._backlog = backlog
        self._own_queue = own_queue
        self._services = services
        self._batch_delay = batch_delay
        self._lanes: dict[tuple[str, str, CallKind], Lane[_Tag]] = {}

    @property
    def idle(self) -> bool:
        """Tell whether no call is on its way to the broker."""
        return all(lane.idle for lane in self._lanes.values())

    def dispatch(
        self,
        held: HeldConnection,
        call: InboundCall,
        boot_count: int,
        patience_s: float,
    ) -> bool:
        """Hand a call to its lane; False when the gateway holds too many undelivered ones."""
        lane = self._lanes.get((held.ocpp_version, call.action, call.kind))
        if lane is None:
            lane = self._lane(held.ocpp_version, call.action, call.kind)
        body = orjson.dumps(
            {
                "station_id": held.station_id,
                "tenant_id": held.tenant_id,
                "connection_id": held.connection_id,
                "epoch": held.epoch,
                "seq": call.seq,
                "boot_count": boot_count,
                "received_ms": call.received_ms,
                "deadline_ms": call.deadline_ms,
                "payload": call.payload,
            }
        )
        if call.kind is CallKind.DECISION:
            self._batch_delay.asked(held.connection_id, call.seq, monotonic())
        return lane.add(body, (held, call.seq), patience_s)

    def _lane(self, version: str, action: str, kind: CallKind) -> Lane[_Tag]:
        owner = station_calls(version)[action].service
        routing_key = call_key(version, action, kind)

        def seal(items: bytes) -> Outgoing:
            envelope = orjson.dumps(
                {
                    "gateway_id": self._own_queue.incarnation,
                    "reply_key": f"{self._own_queue.incarnation}.calls",
                    "version": version,
                    "action": action,
                }
            )
            body = b'%s,"items":[%s]}' % (envelope[:-1], items)
            return Outgoing(CALLS, routing_key, MessageType.CALLS, body)

        lane: Lane[_Tag] = Lane(
            routing_key,
            self._group,
            self._publisher,
            self._backlog,
            seal,
            on_stored=_answer_reports if kind is CallKind.REPORT else None,
            on_refused=self._services[owner].publish_refused,
            pause_s=lambda: self._batch_delay.pause_s(monotonic()),
        )
        self._lanes[version, action, kind] = lane
        return lane


def _answer_reports(stored: list[_Tag]) -> None:
    for held, seq in stored:
        held.report_stored(seq)
