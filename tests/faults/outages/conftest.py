"""The suite of these scenarios: on nodes that stay away until the test starts them again."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.suite_on_paths import SuiteOnPaths


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def suite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SuiteOnPaths]:
    """One for all scenarios of this folder; each mends what it broke."""
    async with SuiteOnPaths(tmp_path_factory.mktemp("outages")) as running:
        yield running
