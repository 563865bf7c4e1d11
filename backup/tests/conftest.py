from collections.abc import Iterator

import pytest

from csms_local.nodes.private import PrivateNodes


@pytest.fixture(scope="module")
def private_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateNodes]:
    with PrivateNodes(tmp_path_factory.mktemp("nodes"), fsync=False) as nodes:
        yield nodes
