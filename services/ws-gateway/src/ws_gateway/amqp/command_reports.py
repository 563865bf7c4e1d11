"""What became of commands, told to whoever sent them: two lanes per requester.

The report that a command was sent waits a moment for the station's answer, whose report says the
same: most commands cost one report. It has a lane of its own, because a result must not wait for
its confirm. Readers take the two in either order, and can do without the first.
"""

import asyncio
from collections.abc import Callable

import orjson
import structlog

from csms_shared.broker.errors import BrokerError, PublishReturned
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import REPLIES, command_api_queues
from csms_shared.contracts.commands import CommandOutcome
from csms_shared.contracts.message_types import MessageType
from ws_gateway import metrics
from ws_gateway.amqp.lane import Backlog, Lane, Publishing, Refused
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.domain.effects import CommandFinished

log = structlog.get_logger(__name__)

# Past this the sender's own sweeper has decided.
_PATIENCE_S = 120.0

ANSWERED_AT_ONCE_S = 0.1
"""A station that answers within this is not reported as having been sent the command before."""


class CommandReports:
    """Publishes reports until the broker has them."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        publisher: Publishing,
        backlog: Backlog,
        own_queue: OwnQueue,
        link: Link,
        on_full: Callable[[], None],
    ) -> None:
        self._group = group
        self._publisher = publisher
        self._backlog = backlog
        self._own_queue = own_queue
        self._link = link
        self._on_full = on_full
        self._lanes: dict[tuple[str, bool], Lane[str]] = {}
        # At most one for each connection, which has one command on the wire.
        self._held_back: dict[str, asyncio.TimerHandle] = {}

    @property
    def idle(self) -> bool:
        """Tell whether every report is stored."""
        return not self._held_back and all(lane.idle for lane in self._lanes.values())

    def sent(self, reply_key: str, station_id: str, command_id: str, at_ms: int) -> None:
        """Report that a command was written to the socket, unless it is soon finished."""
        report = {
            "command_id": command_id,
            "station_id": station_id,
            "outcome": CommandOutcome.SENT,
            "at_ms": at_ms,
            "sent_ms": at_ms,
        }
        self._held_back[command_id] = asyncio.get_running_loop().call_later(
            ANSWERED_AT_ONCE_S, self._tell_sent, reply_key, command_id, report
        )

    def finished(self, reply_key: str, station_id: str, finished: CommandFinished) -> None:
        """Report the end of a command; that there was no room for it is told on."""
        if finished.outcome is CommandOutcome.BUSY:
            self._on_full()
        held_back = self._held_back.pop(finished.command_id, None)
        if held_back is not None:
            held_back.cancel()
        report = {
            "command_id": finished.command_id,
            "station_id": station_id,
            "outcome": finished.outcome,
            "at_ms": finished.at_ms,
            "sent_ms": finished.sent_ms,
            "response": finished.response,
            "error_code": finished.error_code,
            "error_description": finished.error_description,
            "error_details": finished.error_details,
            "late": finished.late,
            "attempt": finished.attempt,
        }
        self._add(reply_key, finished.command_id, report, final=True)

    def forget_idle(self) -> None:
        """Drop the lanes of requesters to whom nothing is on its way: they come and go."""
        self._lanes = {key: lane for key, lane in self._lanes.items() if not lane.idle}

    def _tell_sent(self, reply_key: str, command_id: str, report: dict[str, object]) -> None:
        self._held_back.pop(command_id, None)
        self._add(reply_key, command_id, report, final=False)

    def _add(
        self, reply_key: str, command_id: str, report: dict[str, object], *, final: bool
    ) -> None:
        lane = self._lanes.get((reply_key, final))
        if lane is None:
            lane = self._lanes[reply_key, final] = Lane(
                "command-reports",
                self._group,
                self._publisher,
                self._backlog,
                lambda items: self._seal(reply_key, items),
                on_refused=self._refused,
                on_given_up=_given_up,
            )
        if not lane.add(orjson.dumps(report), command_id, _PATIENCE_S):
            metrics.DROPPED.labels("command-reports").inc()
            _given_up([command_id])

    async def _refused(self, error: Refused) -> None:
        if not isinstance(error, PublishReturned):
            return
        try:
            await self._link.declare(*command_api_queues())
        except BrokerError as failure:
            log.warning("declare_failed", peer_service="command-api", error=repr(failure))

    def _seal(self, reply_key: str, items: bytes) -> Outgoing:
        body = b'{"gateway_id":%s,"items":[%s]}' % (
            orjson.dumps(self._own_queue.incarnation),
            items,
        )
        return Outgoing(REPLIES, reply_key, MessageType.COMMAND_REPORTS, body)


def _given_up(command_ids: list[str]) -> None:
    log.error("command_reports_dropped", commands=command_ids)
