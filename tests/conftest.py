"""How the tests of a running suite reach it; which suite runs, each folder says."""

import secrets
from collections.abc import AsyncIterator

import pytest

from csms_local.run_state import RunState
from csms_local.suite import Suite
from csms_simulator.operator import Operator


@pytest.fixture
def run(suite: Suite) -> RunState:
    """How the suite is reached now."""
    return suite.state()


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
