"""Asking another service over the broker, with a deadline, and answering such requests."""

import asyncio
import uuid
from typing import Any

import orjson
from pydantic import ValidationError

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.errors import (
    AnswerUnreadable,
    PublishReturned,
    PublishUnconfirmed,
    RequestTimedOut,
)
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import REPLIES, REQUESTS, request_keys
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.requests import SCOPED, RequestBatch, RequestItem, ResponseMessage
from csms_shared.contracts.scopes import Scope
from csms_shared.runtime.clock import monotonic, now_ms
from csms_shared.values.tenants import DEFAULT_TENANT

MAX_OUTSTANDING = 1000
LANE_CONFIRM_S = 1.0


class Correlator:
    """Matches replies with the requests of this process; at most `MAX_OUTSTANDING` wait.

    Replies come to `<incarnation>.<kind>.<correlation id>` of `csms.replies.v1`, so that the
    routing key alone tells whom a reply is for.
    """

    def __init__(self, incarnation: str, kind: str = "reply") -> None:
        self._prefix = f"{incarnation}.{kind}."
        self._waiting: dict[str, asyncio.Future[bytes]] = {}

    def expect(self) -> tuple[str, str, "asyncio.Future[bytes]"]:
        """Return a new correlation id, its reply key, and the future of the reply's body.

        Raises:
            RequestTimedOut: too many requests wait already.
        """
        if len(self._waiting) >= MAX_OUTSTANDING:
            raise RequestTimedOut("too many requests are waiting for an answer")
        correlation_id = uuid.uuid4().hex
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = future
        return correlation_id, self._prefix + correlation_id, future

    def forget(self, correlation_id: str) -> None:
        """Stop waiting."""
        self._waiting.pop(correlation_id, None)

    def resolve(self, delivery: Delivery) -> bool:
        """Hand a reply to whoever waits; false where it is no reply of this kind."""
        if not delivery.routing_key.startswith(self._prefix):
            return False
        future = self._waiting.pop(delivery.routing_key[len(self._prefix) :], None)
        if future is not None and not future.done():
            future.set_result(delivery.body)
        return True


class Requester:
    """Sends requests to other services and waits for the answers."""

    def __init__(self, publisher: Publisher, correlator: Correlator) -> None:
        self._publisher = publisher
        self._correlator = correlator

    async def request(
        self,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        timeout: float,
        tenant_id: str = DEFAULT_TENANT,
        scope: Scope | None = None,
    ) -> ResponseMessage:
        """Ask `service` for a tenant, within a scope, and return its answer.

        It waits for `timeout` seconds.

        Raises:
            RequestTimedOut: no answer in time.
            AnswerUnreadable: what came is no answer.
            BrokerError: the request was not stored, or may not have been.
        """
        correlation_id, reply_key, future = self._correlator.expect()
        item = RequestItem(
            operation=operation if scope is None else SCOPED + operation,
            parameters=parameters,
            tenant_id=tenant_id,
            scope=scope,
        )
        batch = RequestBatch(
            items=[item],
            reply_key=reply_key,
            correlation_id=correlation_id,
            deadline_ms=now_ms() + int(timeout * 1000),
        )
        deadline = monotonic() + timeout
        try:
            body = batch.model_dump_json().encode()
            await self._publish(request_keys(service, operation), body, deadline)
            async with asyncio.timeout(deadline - monotonic()):
                answer = await future
        except TimeoutError as error:
            raise RequestTimedOut(f"{service} did not answer within {timeout} s") from error
        finally:
            self._correlator.forget(correlation_id)
        try:
            return ResponseMessage.model_validate_json(answer)
        except ValidationError as error:
            raise AnswerUnreadable(f"{service} answered with no answer: {error}"[:500]) from error

    async def _publish(self, keys: tuple[str, ...], body: bytes, deadline: float) -> None:
        # By its own deadline, which costs a channel that does not confirm.
        *lanes, last = keys
        for key in lanes:
            left = deadline - monotonic()
            try:
                await self._publisher.publish(_request(key, body), min(LANE_CONFIRM_S, left))
            except (PublishReturned, PublishUnconfirmed):
                # Nobody serves the lane, as in older versions, or its queue has no leader. What
                # has a lane may be answered twice.
                continue
            return
        await self._publisher.publish(_request(last, body), deadline - monotonic())


def _request(key: str, body: bytes) -> Outgoing:
    return Outgoing(REQUESTS, key, MessageType.REQUEST, body)


def reply_message(
    reply_key: str, type: MessageType, document: Any, exchange: str = REPLIES
) -> Outgoing:
    """Build a reply: not persistent, gone after a minute, for whoever asked is gone by then."""
    return Outgoing(
        exchange, reply_key, type, orjson.dumps(document), persistent=False, expires_s=60.0
    )
