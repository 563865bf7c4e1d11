"""One running suite for all security tests, started as `make run` starts it."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from csms_local.run_state import RunState
from csms_local.suite import Suite, start_suite
from csms_simulator.operator import Operator


@pytest.fixture(scope="package")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """Two gateways behind one port; a state folder that is read for secrets afterwards."""
    env = {"CSMS_FSYNC": "off", "CSMS_MIN_PASSWORD_LENGTH": "8"}
    with start_suite(tmp_path_factory.mktemp("security"), env) as started:
        yield started


@pytest.fixture
def run(suite: Suite) -> RunState:
    """How the suite is reached now."""
    return suite.state()


@pytest.fixture
def gateway_url(run: RunState) -> str:
    """The port of one gateway itself: what the balancer would keep from it, others may not."""
    return run.gateways[0].ocpp_url


@pytest.fixture
async def operator(run: RunState) -> AsyncIterator[Operator]:
    """The first administrator, logged in."""
    async with Operator(run.rest_url, run.admin_username, run.admin_password) as logged_in:
        yield logged_in


@pytest.fixture
def station_id() -> str:
    """A station id that no other test uses."""
    return f"CS-{secrets.token_hex(5)}"


@pytest.fixture
async def id_token(operator: Operator) -> str:
    """An accepted id token of one test's own."""
    token = secrets.token_hex(7).upper()
    await operator.ensure_id_token(token)
    return token
