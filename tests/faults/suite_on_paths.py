"""A suite on nodes that only the test starts again, with a path from each process to each node."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from csms_local.nodes.private import PrivateNodes
from tests.faults.broker_faults import BROKER, BrokerFaults
from tests.faults.database_faults import DATABASE, DatabaseFaults
from tests.faults.faulty_suite import OWN_SERVICES, PROCESSES, FaultySuite
from tests.faults.proxy import Proxy


class SuiteOnPaths(FaultySuite):
    """`broker_paths` and `database_paths` lead from each process to its nodes.

    With `cluster` the broker has one node per name, and every process reaches whichever answers.
    """

    def __init__(
        self, home: Path, env: Mapping[str, str] | None = None, cluster: Sequence[str] = ()
    ) -> None:
        super().__init__(home / "suite", env)
        self.nodes = PrivateNodes(home / "nodes", fsync=False, cluster=cluster)
        self.broker = BrokerFaults(self.nodes)
        self.database_server = DatabaseFaults(self.nodes)
        self.broker_paths: dict[str, Proxy] = {}
        self.database_paths: dict[str, Proxy] = {}
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # Blocking, and on the main thread: nothing else runs yet.
        self._opened.enter_context(self.nodes)
        self._env["CSMS_BROKER_URL"] = self.nodes.broker_url
        self._env["CSMS_MIGRATION_DATABASE_URL"] = self.nodes.database_url
        try:
            await self._open_paths()
            return await super().__aenter__()
        except BaseException:
            await self._opened.aclose()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        async with self._opened:
            await super().__aexit__(kind, error, trace)

    async def _open_paths(self) -> None:
        brokers = [broker.url for broker in self.nodes.brokers.values()]
        for number, process in enumerate(PROCESSES):
            # Each begins with another node.
            turned = brokers[number % len(brokers) :] + brokers[: number % len(brokers)]
            path = await self._opened.enter_async_context(Proxy.to(*turned))
            self.broker_paths[process] = path
            self.programs.route(process, broker_port=path.port)
        for process in OWN_SERVICES:
            path = await self._opened.enter_async_context(Proxy.to(self.nodes.database_url))
            self.database_paths[process] = path
            self.programs.route(process, database_port=path.port)

    @property
    def gateway_urls(self) -> list[str]:
        """Return the URL of each gateway's own port, past the balanced one."""
        return [gateway.ocpp_url for gateway in self.state().gateways]

    @asynccontextmanager
    async def without(self, *components: str) -> AsyncIterator[None]:
        """Kill these processes, `broker` or `database`, and start them again on leaving."""
        for component in components:
            self.note(f"{component} down")
            if component == BROKER:
                await self.broker.kill()
            elif component == DATABASE:
                await self.database_server.crash()
            else:
                self.programs.hold(component)
                await self.kill(component)
        try:
            yield
        finally:
            for component in components:
                if component == BROKER:
                    await self.broker.begin()
                elif component == DATABASE:
                    await self.database_server.begin()
                else:
                    self.programs.let_go(component)
