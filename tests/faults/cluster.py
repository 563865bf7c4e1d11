"""Partitions of a private RabbitMQ cluster: links between its nodes that are cut and mended."""

import asyncio
import re
from collections.abc import Sequence

from csms_local.nodes.private import PrivateNodes
from tests.faults.broker_faults import BrokerFaults

MEMBERS = ("a", "b", "c")
_POLL_S = 1.0
# Nodes that hear of each other again compare their views at once.
_NOTICED_AFTER_S = 5.0


class Cluster:
    """The nodes of one cluster, by the names of their processes (`broker-a`, ...)."""

    def __init__(self, nodes: PrivateNodes) -> None:
        self._nodes = nodes
        self.faults = {name: BrokerFaults(nodes, name) for name in nodes.brokers}

    async def cut(self, name: str, others: Sequence[str] | None = None) -> None:
        """Cut a node off from the others.

        Its side no longer shows them the cookie that they know, and ends what connects them;
        neither side gets through to the other again until `mend`.
        """
        await self._on_links(name, others, "blocked_by_a_fault", "erlang:disconnect_node(N)")

    async def mend(self, name: str, others: Sequence[str] | None = None) -> None:
        """Let a node reach the others again."""
        await self._on_links(name, others, "erlang:get_cookie()", "net_kernel:connect_node(N)")

    async def resume(self, name: str) -> bool:
        """Let a frozen node go on, and restart it if the others had given it up; tell whether.

        Such a node runs again at once and still takes itself for a member, while the others do
        not: it never paused as a minority, and the two views of queues and bindings stay apart
        until it is restarted (RabbitMQ documentation, "Partitions Caused by Suspend and Resume").
        """
        self.faults[name].thaw()
        await asyncio.sleep(_NOTICED_AFTER_S)
        given_up = any([await self.partitioned(other) for other in self.faults])
        if given_up:
            await self.faults[name].kill()
            await self.faults[name].begin()
        await self.until_whole()
        return given_up

    async def until_whole(self, within_s: float = 180.0) -> None:
        """Wait until every node sees all of them running, on one common view."""
        async with asyncio.timeout(within_s):
            for name in self.faults:
                while await self.running(name) != self.faults.keys() or (
                    await self.partitioned(name)
                ):
                    await asyncio.sleep(_POLL_S)

    async def partitioned(self, name: str) -> bool:
        """Tell whether a node holds others for members whose view differs from its own."""
        said = await self.faults[name].control("eval", "rabbit_node_monitor:partitions().")
        return said.strip() != "[]"

    async def running(self, name: str) -> set[str]:
        """Return which nodes run RabbitMQ as far as `name` can see; none while it is paused."""
        said = await self.faults[name].control(
            "eval", "[N || N <- [node() | nodes()], rabbit:is_running(N)]."
        )
        seen = set(re.findall(r"[\w-]+@\w+", said))
        return {other for other, faults in self.faults.items() if faults.node_name in seen}

    async def _on_links(
        self, name: str, others: Sequence[str] | None, cookie: str, then: str
    ) -> None:
        others = [other for other in self.faults if other != name] if others is None else others
        nodes = ",".join(f"'{self.faults[other].node_name}'" for other in others)
        await self.faults[name].control(
            "eval",
            f"[begin erlang:set_cookie(N, {cookie}), {then} end || N <- [{nodes}]].",
        )
