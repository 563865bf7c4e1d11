"""The gateway's lease: while it is confirmed, what is claimed here is owned here (ADR 0004)."""

import asyncio
from collections.abc import Callable

import structlog
from pydantic import ValidationError

from csms_shared.broker.errors import AnswerUnreadable, BrokerError, PublishReturned
from csms_shared.broker.topology import leases_key
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import LeaseReply
from csms_shared.runtime.clock import monotonic, now_ms
from ws_gateway.amqp.connections import Connections
from ws_gateway.amqp.lease_route import LeaseRoute
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.amqp.reassertions import Reassertions

log = structlog.get_logger(__name__)

RENEW_EVERY_S = 5.0
RETRY_EVERY_S = 1.0
LEASE_S = 20.0
# Three in a row may fail before the lease has run out.
_REPLY_TIMEOUT_S = 5.0


class Lease:
    """Renews the lease, whatever else the registry has to do; says what is owned under it."""

    def __init__(
        self,
        gateway_name: str,
        version: str,
        own_queue: OwnQueue,
        connections: Connections,
        reassertions: Reassertions,
        route: LeaseRoute,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._gateway_name = gateway_name
        self._version = version
        self._own_queue = own_queue
        self._connections = connections
        self._reassertions = reassertions
        self._route = route
        self._clock = clock
        self._started_ms = now_ms()
        self._confirmed_at: float | None = None
        self._wake = asyncio.Event()
        self.draining = False

    @property
    def confirmed(self) -> bool:
        """Tell whether the lease runs: what is claimed here now is owned here."""
        return self._confirmed_at is not None and self._clock() - self._confirmed_at < LEASE_S

    def owns(self, connection_id: str) -> bool:
        """Tell whether the gateway may act as the owner of this connection."""
        return self.confirmed and self._reassertions.owns(connection_id)

    def lose(self) -> None:
        """Own nothing until it is re-asserted: the incarnation has changed."""
        self._confirmed_at = None
        self._reassertions.lose()
        self._wake.set()

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            self._wake.clear()
            renewed = await self.renew()
            if renewed:
                self._reassertions.verify()
            try:
                async with asyncio.timeout(RENEW_EVERY_S if renewed else RETRY_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def renew(self) -> bool:
        """Renew once; tell whether it succeeded. After a loss everything is re-asserted."""
        if not await self._own_queue.until_consuming(RETRY_EVERY_S):
            return False
        asked_at = self._clock()
        incarnation = self._own_queue.incarnation
        try:
            reply = _read(await self._ask_for_lease(final=False))
        except BrokerError as error:
            log.warning("lease_not_renewed", error=repr(error))
            return False
        self._route.answered(own_queues=reply.own_queues)
        if incarnation != self._own_queue.incarnation:
            return False
        is_lost = not reply.confirmed or not self.confirmed
        # From the moment of asking: the registry's lease runs no shorter than ours.
        self._confirmed_at = asked_at
        if is_lost:
            self._reassertions.lose()
        return True

    async def give_up(self) -> None:
        """End the lease: the process is about to exit."""
        try:
            await self._ask_for_lease(final=True)
        except BrokerError as error:
            log.warning("lease_not_given_up", error=repr(error))

    async def _ask_for_lease(self, *, final: bool) -> bytes:
        key = self._route.key(leases_key())
        try:
            return await self._ask(key, final=final)
        except PublishReturned:
            # No such queue: a registry of the version before.
            self._route.unanswered(key)
            return await self._ask(self._route.key(leases_key()), final=final)
        except BrokerError:
            self._route.unanswered(key)
            raise

    async def _ask(self, key: str, *, final: bool) -> bytes:
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
            key,
            MessageType.LEASE,
            [renewal],
            _REPLY_TIMEOUT_S,
            # One that is older than a lease is no sign of life.
            deadline_ms=now_ms() + int(LEASE_S * 1000),
        )


def _read(body: bytes) -> LeaseReply:
    try:
        return LeaseReply.model_validate_json(body)
    except ValidationError as error:
        raise AnswerUnreadable(f"the registry's reply is none: {error}"[:500]) from error
