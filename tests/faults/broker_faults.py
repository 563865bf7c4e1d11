"""What can befall a RabbitMQ node, done to a private one."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from csms_local.nodes.private import PrivateNodes
from tests.integration.waiting import eventually

BROKER = "broker"
# RabbitMQ's own defaults.
_NORMAL_MEMORY = "0.4"
_NORMAL_DISK = "50MB"
# What a quorum queue says of its length is as old as this at most.
_COUNTED_EVERY_S = 5.0
_ON_QUEUE = (
    '{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"{queue}">>)), '
    "{does}(amqqueue:get_pid(Q))."
)


class BrokerFaults:
    """Does things to one node; nothing here waits for the suite to notice or to recover."""

    def __init__(self, nodes: PrivateNodes, name: str = BROKER) -> None:
        self._nodes = nodes
        self.name = name

    @property
    def node_name(self) -> str:
        """Return what the node is called among Erlang nodes."""
        return self._nodes.brokers[self.name].node_name

    async def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on the node; takes a second or two."""
        return await asyncio.to_thread(self._nodes.brokers[self.name].control, *arguments)

    @asynccontextmanager
    async def memory_alarm(self) -> AsyncIterator[None]:
        """Block everything that publishes, as a node short of memory does."""
        await self.control("set_vm_memory_high_watermark", "0.00001")
        try:
            yield
        finally:
            await self.control("set_vm_memory_high_watermark", _NORMAL_MEMORY)

    @asynccontextmanager
    async def disk_alarm(self) -> AsyncIterator[None]:
        """Block everything that publishes, as a node short of disk does."""
        await self.control("set_disk_free_limit", "900000GB")
        try:
            yield
        finally:
            await self.control("set_disk_free_limit", _NORMAL_DISK)

    async def close_connections(self) -> None:
        """Close every client's connection from the node's side."""
        await self.control("close_all_connections", "closed by a fault")

    async def delete_queue(self, queue: str) -> None:
        """Delete a queue with what is in it."""
        await self.control("delete_queue", queue)

    async def suspend_queue(self, queue: str) -> None:
        """Let a classic queue take, confirm and deliver nothing, as a process that hangs does."""
        await self.control("eval", _ON_QUEUE.format(queue=queue, does="sys:suspend"))

    async def resume_queue(self, queue: str) -> None:
        """Let the queue go on after `suspend_queue`."""
        await self.control("eval", _ON_QUEUE.format(queue=queue, does="sys:resume"))

    async def queues(self) -> dict[str, int]:
        """Return the messages in each queue, delivered ones included; up to 5 s old."""
        said = await self.control("list_queues", "--no-table-headers", "name", "messages")
        rows = (line.split("\t") for line in said.splitlines() if line)
        return {name: int(count) for name, count in rows}

    async def until_empty(self, names: Collection[str], within_s: float) -> None:
        """Wait until none of these queues holds anything that was published before this call."""
        await asyncio.sleep(_COUNTED_EVERY_S)

        async def waiting() -> dict[str, int]:
            queues = await self.queues()
            return {name: queues[name] for name in names if queues.get(name)}

        await eventually(waiting, lambda queues: not queues, within_s)

    async def stop_app(self) -> None:
        """Stop RabbitMQ inside the Erlang VM, which goes on."""
        await self.control("stop_app")

    async def start_app(self) -> None:
        """Start RabbitMQ again after `stop_app`."""
        await self.control("start_app")

    async def kill(self) -> None:
        """End the node with SIGKILL."""
        await asyncio.to_thread(self._nodes.end, self.name, signal.SIGKILL)

    async def stop(self) -> None:
        """End the node in good order."""
        await asyncio.to_thread(self._nodes.end, self.name)

    async def begin(self) -> None:
        """Start the ended node on its data and wait until it greets clients."""
        self._nodes.begin(self.name)
        await asyncio.to_thread(self._nodes.wait_until_ready, self.name)

    def freeze(self) -> None:
        """Stop the node's process where it is; its sockets stay."""
        os.kill(self._nodes.pids[self.name], signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen node go on."""
        os.kill(self._nodes.pids[self.name], signal.SIGCONT)
