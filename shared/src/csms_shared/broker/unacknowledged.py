"""What was delivered to a consumer, and is neither acknowledged nor given back yet."""

import asyncio
from collections.abc import Iterable

from csms_shared.broker.deliveries import Delivery


class NotSettled(Exception):
    """Some of what a consumer had may be with another one by now, or in the queue."""


class Unacknowledged:
    """Deliveries of one consumer, by identity; `returns` counts how often it gave some back."""

    def __init__(self) -> None:
        self._deliveries: dict[int, Delivery] = {}
        self._changed = asyncio.Event()
        self.returns = 0

    def add(self, delivery: Delivery) -> None:
        """Keep a delivery that has just come."""
        self._deliveries[id(delivery)] = delivery

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """Note what is acknowledged: it is durable."""
        for delivery in deliveries:
            self._deliveries.pop(id(delivery), None)
        self._changed.set()

    def give_back(self, deliveries: Iterable[Delivery]) -> None:
        """Note what is in the queue again, whole or in parts."""
        self.returns += 1
        self.settle(deliveries)

    def give_all_back(self) -> None:
        """Note that the channel is gone, and everything in the queue again."""
        self.give_back(list(self._deliveries.values()))

    async def settled(self) -> None:
        """Wait until everything that is here now has gone."""
        held = dict(self._deliveries)
        while held.keys() & self._deliveries.keys():
            self._changed.clear()
            await self._changed.wait()
