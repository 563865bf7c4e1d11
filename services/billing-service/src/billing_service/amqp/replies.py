"""Answers to the questions of this process."""

from collections.abc import Sequence

from csms_shared.broker.consumer import Delivery
from csms_shared.broker.requests import Correlator


class Answers:
    """Consumer handler of the process's own queue: hands each answer to whoever waits for it."""

    def __init__(self, correlator: Correlator) -> None:
        self._correlator = correlator

    async def __call__(self, deliveries: Sequence[Delivery]) -> None:
        """Hand out the answers; one that nobody waits for any more is dropped."""
        for delivery in deliveries:
            self._correlator.resolve(delivery)
