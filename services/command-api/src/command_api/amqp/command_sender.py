"""Commands to gateways: those to one gateway that come together travel together.

Each gateway by itself: one whose queue does not confirm keeps no command from the others.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import GATEWAYS
from csms_shared.contracts.commands import Command, CommandBatch
from csms_shared.contracts.envelope import BATCH_MAX_BYTES, BATCH_MAX_ITEMS
from csms_shared.contracts.message_types import MessageType

MAX_WAITING = 5_000
"""Commands to one gateway; one more counts as not taken."""

_UNDER_WAY = 3


@dataclass(slots=True)
class _Lane:
    waiting: deque[tuple[Command, "asyncio.Future[bool]"]] = field(default_factory=deque)
    under_way: int = 0


class GatewaySender:
    """`CommandSender` over the broker; at most `_UNDER_WAY` messages to a gateway at once."""

    def __init__(self, publisher: Publisher, incarnation: str) -> None:
        self._publisher = publisher
        self._reply_key = f"{incarnation}.command"
        # Of gateways to which something is on its way.
        self._lanes: dict[str, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, gateway_id: str, command: Command) -> bool:
        """Publish; false when no queue took it, true when the gateway may have it."""
        lane = self._lanes.setdefault(gateway_id, _Lane())
        if len(lane.waiting) >= MAX_WAITING:
            return False
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        lane.waiting.append((command, future))
        if lane.under_way < _UNDER_WAY:
            lane.under_way += 1
            task = asyncio.create_task(self._empty(gateway_id, lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def close(self) -> None:
        """Give up what is on its way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _empty(self, gateway_id: str, lane: _Lane) -> None:
        try:
            while lane.waiting:
                await self._send_batch(gateway_id, lane)
        finally:
            lane.under_way -= 1
            if not lane.under_way and self._lanes.get(gateway_id) is lane:
                del self._lanes[gateway_id]

    async def _send_batch(self, gateway_id: str, lane: _Lane) -> None:
        items: list[bytes] = []
        futures: list[asyncio.Future[bool]] = []
        size = 0
        while lane.waiting and len(items) < BATCH_MAX_ITEMS:
            item = lane.waiting[0][0].model_dump_json().encode()
            if items and size + len(item) > BATCH_MAX_BYTES:
                break
            futures.append(lane.waiting.popleft()[1])
            items.append(item)
            size += len(item)
        may_have_it = True
        try:
            await self._publisher.publish(self._message(gateway_id, items))
        except PublishReturned:
            may_have_it = False
        except PublishUnconfirmed:
            pass
        except Exception as error:  # noqa: BLE001 - handed to every caller
            for future in futures:
                if not future.done():
                    future.set_exception(error)
            return
        except asyncio.CancelledError:
            for future in futures:
                future.cancel()
            raise
        for future in futures:
            if not future.done():
                future.set_result(may_have_it)

    def _message(self, gateway_id: str, items: list[bytes]) -> Outgoing:
        envelope = CommandBatch(items=[], reply_key=self._reply_key).model_dump_json(
            exclude={"items"}
        )
        body = b'%s,"items":[%s]}' % (envelope[:-1].encode(), b",".join(items))
        return Outgoing(GATEWAYS, gateway_id, MessageType.COMMANDS, body)
