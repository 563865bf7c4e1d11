"""The consumer of the commands that other services want sent."""

from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.commands.handlers.orders import Orders
from csms_shared.broker.consumer import Delivery
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import COMMAND_API, COMMAND_ORDERS_QUEUE
from csms_shared.runtime.errors import Unavailable
from csms_shared.service.inbox import Inbox, Work, decode


class OrdersInbox:
    """Consumer handler of the orders queue; one per process."""

    def __init__(
        self, engine: AsyncEngine, publisher: Publisher, replies: Replies, orders: Orders
    ) -> None:
        self._orders = orders
        self._taken: list[Delivery] | None = None
        self._left: list[Work] = []
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
            Unavailable: the registry, the database or the broker are away, or a service that has
                to be asked about some of them; the others are commands by then.
        """
        # The same again: what was done of them is not done twice.
        works = self._left if deliveries is self._taken else decode(deliveries)
        waiting = await self._orders.look_up(works)
        left = [work for work, _ in waiting]
        await self._inbox.handle([work for work in works if not any(work is one for one in left)])
        self._taken, self._left = (deliveries, left) if left else (None, [])
        for _, away in waiting:
            raise Unavailable(str(away)) from away
