"""Events, orders, and publishers that do as they are told."""

from collections.abc import Callable

from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.events import CloudEvent, event_id
from csms_shared.contracts.orders import CommandOrder

Outcome = PublishReturned | PublishUnconfirmed | None


def make_event(n: int, source: str = "/csms/test") -> CloudEvent:
    """Return the event that tells of a number."""
    return CloudEvent(
        id=event_id("connection", n, "number.counted"),
        source=source,
        type="csms.number.counted.v1",
        subject="CS1",
        time="2026-01-01T00:00:00.000Z",
        data={"n": n},
    )


def make_orders(count: int) -> list[CommandOrder]:
    """Return as many orders, told apart by their deadlines."""
    return [
        CommandOrder(
            order_id=new_command_id(n),
            station_id="S",
            action="ClearCache",
            payload={},
            deadline_ms=n,
            created_by="test",
        )
        for n in range(count)
    ]


class FakePublisher(Publisher):
    """Keeps what would be published; `outcome` says how each ends, and what the broker does."""

    def __init__(self, outcome: Outcome | Callable[[Outgoing], Outcome], *, answers: bool = True):
        super().__init__(Link("amqp://nobody", "test"))
        self.outcome = outcome
        self.answers = answers
        self.sent: list[Outgoing] = []

    async def publish_all(self, messages: list[Outgoing], timeout: float = 1.0) -> list[Outcome]:
        self.sent += messages
        return [
            self.outcome(message) if callable(self.outcome) else self.outcome
            for message in messages
        ]

    async def broker_answers(self, timeout: float) -> bool:
        return self.answers
