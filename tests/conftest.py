"""The suite that tests run against, and how they reach it; some folders run one of their own."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from csms_local.engine_nodes import container_nodes, containers_can_be_had
from csms_local.run_state import RunState
from csms_local.suite import Suite, start_suite
from csms_simulator.operator import Operator
from tests.plain_http import NO_AUTHORITIES


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """Two gateways behind one port, on containers where an engine answers."""
    env = {"CSMS_FSYNC": "off", "CSMS_MIN_PASSWORD_LENGTH": "8"}
    with contextlib.ExitStack() as stack:
        if containers_can_be_had():
            broker_url, database_url = stack.enter_context(container_nodes())
            env |= {"CSMS_BROKER_URL": broker_url, "CSMS_MIGRATION_DATABASE_URL": database_url}
        yield stack.enter_context(start_suite(tmp_path_factory.mktemp("suite"), env))


@pytest.fixture
def run(suite: Suite) -> RunState:
    """How the suite is reached now."""
    return suite.state()


@pytest.fixture
async def operator(run: RunState) -> AsyncIterator[Operator]:
    """The first administrator, logged in."""
    plain = httpx.AsyncHTTPTransport(verify=NO_AUTHORITIES)
    name, password = run.admin_username, run.admin_password
    async with Operator(run.rest_url, name, password, plain) as logged_in:
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
