"""The consumer of the commands that other services want sent."""

from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.commands.handlers.orders import Orders
from csms_shared.broker.consumer import Delivery
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import COMMAND_API, COMMAND_ORDERS_QUEUE
from csms_shared.service.inbox import Inbox, decode


class OrdersInbox:
    """Consumer handler of the orders queue; one per process."""

    def __init__(
        self, engine: AsyncEngine, publisher: Publisher, replies: Replies, orders: Orders
    ) -> None:
        self._orders = orders
        self._inbox = Inbox(
            engine=engine,
            publisher=publisher,
            replies=replies,
            service=COMMAND_API,
            queue=COMMAND_ORDERS_QUEUE,
            apply=orders.apply,
            after_commit=orders.committed,
        )

    async def __call__(self, deliveries: list[Delivery]) -> None:
        """Make commands of everything in `deliveries`.

        Raises:
            Unavailable: the registry, the database or the broker are away.
        """
        works = decode(deliveries)
        await self._orders.look_up(works)
        await self._inbox.handle(works)
