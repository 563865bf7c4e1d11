"""The firmware's queue of transaction-related messages (OCPP 1.6 core 3.7, 3.7.1).

Start, Stop and MeterValues of a transaction leave in the order in which they happened, each after
the one before it is answered; offline they wait without limit. Every send is an attempt, whether it
ends in CALLERROR, silence or a lost connection; after TransactionMessageAttempts the message is
discarded, and with a StartTransaction its whole transaction.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from csms_simulator.configuration import Configuration
from csms_simulator.errors import CallFailedError, ConnectionLostError, OfflineError
from csms_simulator.ledger import Ledger
from csms_simulator.link import Link
from csms_simulator.settings import StationSettings
from csms_simulator.wire import Payload


class MessageOwner(Protocol):
    """The charging session that a message belongs to."""

    def answered(self, action: str, response: Payload) -> None:
        """Learn the central system's answer."""

    def discarded(self, action: str) -> None:
        """Learn that a message was given up."""


@dataclass(slots=True)
class TransactionMessage:
    """A message in the queue; its payload is made when sent, when the transaction id is known."""

    owner: MessageOwner
    action: str
    payload: Callable[[], Payload]
    message_id: str
    attempts: int = 0


class TransactionQueue:
    """Delivers the transaction-related messages of one station."""

    def __init__(
        self,
        link: Link,
        accepted: asyncio.Event,
        configuration: Configuration,
        ledger: Ledger,
        settings: StationSettings,
    ) -> None:
        self._link = link
        self._accepted = accepted
        self._configuration = configuration
        self._ledger = ledger
        self._settings = settings
        self._waiting: deque[TransactionMessage] = deque()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, owner: MessageOwner, action: str, payload: Callable[[], Payload]) -> None:
        """Queue a message behind all others."""
        self._waiting.append(
            TransactionMessage(owner, action, payload, self._link.new_message_id())
        )
        self._emptied.clear()
        self._filled.set()

    async def wait_empty(self, timeout: float) -> None:
        """Wait until everything is delivered or discarded."""
        async with asyncio.timeout(timeout):
            await self._emptied.wait()

    async def deliver(self) -> None:
        """Deliver one message after the other, until cancelled."""
        while True:
            await self._filled.wait()
            await self._accepted.wait()
            await self._link.online.wait()
            await self._attempt(self._waiting[0])
            if not self._waiting:
                self._filled.clear()
                self._emptied.set()

    async def _attempt(self, message: TransactionMessage) -> None:
        payload = message.payload()
        message.attempts += 1
        if message.attempts > 1 and not self._settings.retries_reuse_message_id:
            message.message_id = self._link.new_message_id()
        try:
            response = await self._link.call(message.action, payload, message.message_id)
        except OfflineError:
            message.attempts -= 1
            return
        except CallFailedError as failure:
            self._ledger.attempt_failed(message.attempts, failure)
            if message.attempts >= self._configuration.number("TransactionMessageAttempts"):
                self._discard(message, payload, repr(failure))
            elif not isinstance(failure, ConnectionLostError):
                await asyncio.sleep(
                    message.attempts
                    * self._configuration.number("TransactionMessageRetryInterval")
                    * self._settings.time_scale
                )
            return
        self._waiting.popleft()
        message.owner.answered(message.action, response)

    def _discard(self, message: TransactionMessage, payload: Payload, reason: str) -> None:
        self._waiting.popleft()
        self._ledger.discard(self._link.station_id, message.action, payload, reason)
        message.owner.discarded(message.action)
        if message.action == "StartTransaction":
            self._waiting = deque(m for m in self._waiting if m.owner is not message.owner)
