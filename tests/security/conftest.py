"""One running suite for all security tests, started as `make run` starts it."""

from collections.abc import Iterator

import pytest

from csms_local.run_state import RunState
from csms_local.suite import Suite, start_suite


@pytest.fixture(scope="package")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """Two gateways behind one port; a state folder that is read for secrets afterwards."""
    env = {"CSMS_FSYNC": "off", "CSMS_MIN_PASSWORD_LENGTH": "8"}
    with start_suite(tmp_path_factory.mktemp("security"), env) as started:
        yield started


@pytest.fixture
def gateway_url(run: RunState) -> str:
    """The port of one gateway itself: what the balancer would keep from it, others may not."""
    return run.gateways[0].ocpp_url
