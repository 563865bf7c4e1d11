"""A station of each test's own, and the central system's side of it."""

from collections.abc import AsyncIterator

import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.conformance.central_system import CentralSystem
from tests.conformance.charging_profiles import Profiles
from tests.conformance.played_station import PlayedStation, connected


@pytest.fixture
def central(operator: Operator, station_id: str) -> CentralSystem:
    """What is kept of this test's station."""
    return CentralSystem(operator, station_id)


@pytest.fixture
async def station(run: RunState, station_id: str) -> AsyncIterator[PlayedStation]:
    """A station that has booted, with one free connector."""
    async with connected(run.ocpp_url, station_id) as booted:
        assert (await booted.boot())["status"] == "Accepted"
        await booted.status(1, "Available")
        yield booted


@pytest.fixture
def profiles(station: PlayedStation, central: CentralSystem) -> Profiles:
    """The profiles of this test's station."""
    return Profiles(station, central)
