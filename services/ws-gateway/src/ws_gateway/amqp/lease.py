"""The gateway's lease: while it is confirmed, what is claimed here is owned here (ADR 0004)."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from csms_shared.broker.errors import AnswerUnreadable, BrokerError
from csms_shared.broker.topology import STATION_REGISTRY, decisions_key
from csms_shared.clock import monotonic, now_ms
from csms_shared.contracts.envelope import BATCH_MAX_ITEMS
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import LeaseReply, ReassertionReply
from ws_gateway.amqp.connections import Connections, HeldConnection
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.domain.connection import NORMAL_CLOSURE

log = structlog.get_logger(__name__)

RENEW_EVERY_S = 5.0
RETRY_EVERY_S = 1.0
LEASE_S = 20.0
# After this many renewals everything held was compared with the registry once more.
_RENEWALS_PER_ROUND = 8
_REPLY_TIMEOUT_S = 4.0

Reply = TypeVar("Reply", bound=BaseModel)


class Lease:
    """Renews the lease and re-asserts the connections: all after it was lost, else in turn.

    Those in turn are for what no message tells: a control that was lost, an answer to a claim
    that came after the sweep of its row (docs/ownership.md).
    """

    def __init__(
        self,
        gateway_name: str,
        version: str,
        own_queue: OwnQueue,
        connections: Connections,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._gateway_name = gateway_name
        self._version = version
        self._own_queue = own_queue
        self._connections = connections
        self._clock = clock
        self._started_ms = now_ms()
        self._confirmed_at: float | None = None
        # Nothing is known of how long the lease of an answered claim has run before the first.
        self._must_reassert = True
        self._unverified: list[str] = []
        self._wake = asyncio.Event()
        self.draining = False

    @property
    def confirmed(self) -> bool:
        """Tell whether the gateway may act as the owner of its connections."""
        return (
            self._confirmed_at is not None
            and not self._must_reassert
            and self._clock() - self._confirmed_at < LEASE_S
        )

    def lose(self) -> None:
        """Own nothing until everything is re-asserted: the incarnation has changed."""
        self._must_reassert = True
        self._wake.set()

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            self._wake.clear()
            renewed = await self.renew()
            if renewed:
                await self.verify()
            try:
                async with asyncio.timeout(RENEW_EVERY_S if renewed else RETRY_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def renew(self) -> bool:
        """Renew once, and re-assert where it is needed; tell whether both succeeded."""
        if not await self._own_queue.until_consuming(RETRY_EVERY_S):
            return False
        asked_at = self._clock()
        incarnation = self._own_queue.incarnation
        try:
            body = await self._ask_for_lease(final=False)
            if not _read(LeaseReply, body).confirmed or self._has_run_out():
                self._must_reassert = True
            if self._must_reassert:
                held = list(self._connections)
                await self._reassert(held)
                log.info("connections_reasserted", connections=len(held))
        except BrokerError as error:
            log.warning("lease_not_renewed", error=repr(error))
            return False
        if incarnation != self._own_queue.incarnation:
            return False
        self._must_reassert = False
        # From the moment of asking: the registry's lease runs no shorter than ours.
        self._confirmed_at = asked_at
        return True

    async def verify(self) -> None:
        """Re-assert the next few connections, so that all had their turn after some renewals."""
        if not self._unverified:
            self._unverified = [held.connection_id for held in self._connections]
        few = -(-len(self._connections) // _RENEWALS_PER_ROUND)
        turn, self._unverified = self._unverified[:few], self._unverified[few:]
        held = [self._connections.by_id(connection_id) for connection_id in turn]
        try:
            await self._reassert([each for each in held if each is not None])
        except BrokerError as error:
            log.warning("connections_not_verified", error=repr(error))

    async def give_up(self) -> None:
        """End the lease: the process is about to exit."""
        try:
            await self._ask_for_lease(final=True)
        except BrokerError as error:
            log.warning("lease_not_given_up", error=repr(error))

    def _has_run_out(self) -> bool:
        return self._confirmed_at is not None and self._clock() - self._confirmed_at >= LEASE_S

    async def _ask_for_lease(self, *, final: bool) -> bytes:
        renewal = {
            "gateway_id": self._own_queue.incarnation,
            "gateway_name": self._gateway_name,
            "connections": len(self._connections),
            "version": self._version,
            "started_ms": self._started_ms,
            "draining": self.draining,
            "final": final,
        }
        return await self._own_queue.ask(
            decisions_key(STATION_REGISTRY), MessageType.LEASE, [renewal], _REPLY_TIMEOUT_S
        )

    async def _reassert(self, held: list[HeldConnection]) -> None:
        for start in range(0, len(held), BATCH_MAX_ITEMS):
            page = held[start : start + BATCH_MAX_ITEMS]
            body = await self._own_queue.ask(
                decisions_key(STATION_REGISTRY),
                MessageType.REASSERTIONS,
                [_reassertion(connection) for connection in page],
                _REPLY_TIMEOUT_S,
                gateway_id=self._own_queue.incarnation,
                gateway_name=self._gateway_name,
            )
            for connection_id in _read(ReassertionReply, body).superseded:
                connection = self._connections.by_id(connection_id)
                if connection is not None:
                    connection.close(NORMAL_CLOSURE, "superseded")


def _read(contract: type[Reply], body: bytes) -> Reply:
    try:
        return contract.model_validate_json(body)
    except ValidationError as error:
        raise AnswerUnreadable(f"the registry's reply is none: {error}"[:500]) from error


def _reassertion(held: HeldConnection) -> dict[str, Any]:
    return {
        "station_id": held.station_id,
        "connection_id": held.connection_id,
        "epoch": held.epoch,
        "ocpp_version": held.ocpp_version,
        "remote_address": held.remote_address,
        "connected_ms": held.connected_ms,
    }
