"""What the tests of backups have in common."""

import sys
from pathlib import Path

# Test files are imported one by one: what they share has to be on the path.
sys.path.insert(0, str(Path(__file__).parent))

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from databases import Databases

from csms_local.nodes.private import PrivateNodes


@pytest.fixture(scope="package")
def private_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateNodes]:
    with PrivateNodes(tmp_path_factory.mktemp("nodes"), fsync=False) as nodes:
        yield nodes


@pytest.fixture
async def databases(private_nodes: PrivateNodes) -> AsyncIterator[Databases]:
    owner = await asyncpg.connect(private_nodes.database_url, timeout=10)
    try:
        yield Databases(private_nodes.database_url, owner)
    finally:
        await owner.close()
