"""One running suite for all integration tests, started as `make run` starts it."""

import contextlib
from collections.abc import Iterator

import pytest

from csms_local.engine_nodes import container_nodes, containers_can_be_had
from csms_local.suite import Suite, start_suite


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """Two gateways behind one port, on containers where an engine answers."""
    env = {"CSMS_FSYNC": "off", "CSMS_MIN_PASSWORD_LENGTH": "8"}
    with contextlib.ExitStack() as stack:
        if containers_can_be_had():
            broker_url, database_url = stack.enter_context(container_nodes())
            env |= {"CSMS_BROKER_URL": broker_url, "CSMS_MIGRATION_DATABASE_URL": database_url}
        yield stack.enter_context(start_suite(tmp_path_factory.mktemp("suite"), env))
