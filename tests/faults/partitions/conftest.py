"""The suite of these scenarios: its broker is a cluster of three nodes."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.cluster import MEMBERS, Cluster
from tests.faults.suite_on_paths import SuiteOnPaths


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def suite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SuiteOnPaths]:
    """One for all scenarios of this folder; each mends what it broke."""
    home = tmp_path_factory.mktemp("partitions")
    async with SuiteOnPaths(home, cluster=MEMBERS) as running:
        yield running


@pytest.fixture
def cluster(suite: SuiteOnPaths) -> Cluster:
    """The links between the broker's nodes."""
    return Cluster(suite.nodes)
