"""From a queue's deliveries to one transaction and back: what every service's queues share.

decode -> one transaction over all items -> bad items parked alone -> replies, one message per
requester -> (the consumer acknowledges). Handlers are idempotent: after a crash between any two
of these steps the same items come again. The next batch begins after the commit, and nothing that
becomes of the replies brings the transaction back (docs/adr/0028).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
import structlog
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.consumer import Delivery, Rest
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.requests import reply_message
from csms_shared.broker.topology import REPLIES
from csms_shared.contracts.message_types import MessageType
from csms_shared.db.isolation import Failure, apply_isolated
from csms_shared.db.parking import park
from csms_shared.runtime.clock import monotonic
from csms_shared.values.json_texts import written
from csms_shared.values.routing_keys import is_routing_key

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """One item of one message: the contract's name, the fields beside `items`, the item itself.

    `ahead_ms` was added to the times that something is due by. `arrived_at` is when its message
    came, in seconds of this process's monotonic clock.
    """

    type: str
    envelope: dict[str, Any]
    item: Any
    ahead_ms: int = 0
    arrived_at: float = field(default_factory=monotonic, compare=False)

    def body(self) -> bytes:
        """Return a message body with this item alone, as it was sent."""
        envelope, item = (_shifted(part, -self.ahead_ms) for part in (self.envelope, self.item))
        return written({**envelope, "items": [item]})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to `key` of `exchange`, sent once the transaction has committed.

    Answers of one type to one key that are `batched` travel as one message, under `items`.

    Raises:
        ValueError: the key, which is as somebody sent it, is none.
    """

    key: str
    type: MessageType
    content: BaseModel
    batched: bool = True
    exchange: str = REPLIES

    def __post_init__(self) -> None:
        """Refuse what nothing can be sent to while the item that asked can still be parked."""
        if not is_routing_key(self.key):
            raise ValueError("the message does not say where its answers go")


_DUE = ("deadline_ms", "sent_ms")

Apply = Callable[[AsyncConnection, Sequence[Work]], Awaitable[list[Reply]]]


def decode(deliveries: Sequence[Delivery]) -> list[Work]:
    """Return the items of all deliveries in order of arrival; what is due, is due by our clock."""
    works: list[Work] = []
    for delivery in deliveries:
        try:
            document = orjson.loads(delivery.body)
        except orjson.JSONDecodeError:
            works.append(Work(delivery.type, {}, delivery.body.decode(errors="replace")))
            continue
        if isinstance(document, list):
            # A batch of CloudEvents: each by itself, so that a bad one parks no neighbour.
            works.extend(Work(delivery.type, {}, [event]) for event in document)
            continue
        items = document.pop("items", None) if isinstance(document, dict) else None
        if not isinstance(items, list):
            works.append(Work(delivery.type, {}, document))
            continue
        ahead_ms = delivery.ahead_ms
        envelope = _shifted(document, ahead_ms)
        works.extend(
            Work(delivery.type, envelope, _shifted(item, ahead_ms), ahead_ms, delivery.arrived_at)
            for item in items
        )
    return works


def _shifted(part: Any, ahead_ms: int) -> Any:
    """Return `part` with the times that something is due by changed; others tell of the past."""
    if not ahead_ms or not isinstance(part, dict):
        return part
    due = {name: part[name] + ahead_ms for name in _DUE if isinstance(part.get(name), int)}
    return {**part, **due} if due else part


class Inbox:
    """Consumer handler of one work queue.

    `apply` handles works of any mix inside one transaction. `fault_reply` returns what the sender
    of a parked item is told, if anything. `after_commit` runs once per committed batch, to wake
    the outbox relay.
    """

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        publisher: Publisher,
        replies: Replies,
        service: str,
        queue: str,
        apply: Apply,
        fault_reply: Callable[[Work], Reply | None] = lambda _: None,
        after_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._publisher = publisher
        self._replies = replies
        self._service = service
        self._queue = queue
        self._apply = apply
        self._fault_reply = fault_reply
        self._after_commit = after_commit

    async def __call__(self, deliveries: list[Delivery]) -> Rest | None:
        """Make everything in `deliveries` durable; return what answers it, if anything does.

        Raises:
            Unavailable: the database is away; try the same deliveries again.
        """
        return await self.commit(decode(deliveries))

    async def handle(self, works: Sequence[Work]) -> None:
        """Make `works` durable and answer them.

        Raises:
            Unavailable: the database is away, or bad items can't be parked; try the same works
                again.
        """
        rest = await self.commit(works)
        if rest is not None:
            await rest()

    async def commit(self, works: Sequence[Work]) -> Rest | None:
        """Make `works` durable; return what answers them, if anything does.

        Raises:
            Unavailable: the database is away, or bad items can't be parked; try the same works
                again.
        """
        replies, failures = await apply_isolated(self._engine, works, self._apply)
        self._after_commit()
        if failures:
            await self._park(failures)
            replies += [reply for failure in failures if (reply := self._fault_reply(failure.work))]
        return partial(self._replies.deliver, reply_messages(replies)) if replies else None

    async def _park(self, failures: Sequence[Failure[Work]]) -> None:
        for failure in failures:
            log.error(
                "item_parked",
                queue=self._queue,
                type=failure.work.type,
                error=repr(failure.error)[:1000],
                exc_info=failure.error,
            )
        await park(
            self._publisher,
            self._service,
            self._queue,
            [(failure.work.type, failure.work.body(), failure.error) for failure in failures],
        )


def reply_messages(replies: Sequence[Reply]) -> list[Outgoing]:
    """Join batched replies per key and type; the others are a message each."""
    messages: list[Outgoing] = []
    batches: dict[tuple[str, str, MessageType], list[Any]] = {}
    for reply in replies:
        content = reply.content.model_dump(mode="json", exclude_none=True)
        if reply.batched:
            batches.setdefault((reply.exchange, reply.key, reply.type), []).append(content)
        else:
            messages.append(reply_message(reply.key, reply.type, content, reply.exchange))
    for (exchange, key, type_), items in batches.items():
        messages.append(reply_message(key, type_, {"items": items}, exchange))
    return messages
