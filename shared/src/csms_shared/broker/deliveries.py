"""What comes out of a queue: one message, whose body may hold many items."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aio_pika.abc import AbstractIncomingMessage

from csms_shared.broker.link import SENT_HEADER
from csms_shared.runtime.clock import monotonic
from csms_shared.values.json_texts import written


@dataclass(slots=True)
class Delivery:
    """One AMQP message: its contract's name, its body, and how many items the body has.

    `ahead_ms`: add it to a time that the sender has set, to have it by our clock. `arrived_at` is
    in seconds of this process's monotonic clock.
    """

    type: str
    routing_key: str
    body: bytes
    redelivered: bool
    message: AbstractIncomingMessage
    ahead_ms: int = 0
    arrived_at: float = field(default_factory=monotonic)

    def items(self) -> list[Any]:
        """Return the raw items; an unreadable body counts as one item that no model accepts."""
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return [None]
        # A batch of CloudEvents is an array.
        items = document.get("items") if isinstance(document, dict) else document
        return items if isinstance(items, list) else [None]

    def singles(self) -> list[bytes]:
        """Return the bodies of messages like this one, each with one of its items alone."""
        document = orjson.loads(self.body)
        if isinstance(document, list):
            return [written([item]) for item in document]
        return [written({**document, "items": [item]}) for item in document["items"]]


def sent_ms(message: AbstractIncomingMessage) -> int | None:
    """Return when a message was sent, by its sender's clock; None where it does not say."""
    sent = message.headers.get(SENT_HEADER)
    return sent if isinstance(sent, int) else None
