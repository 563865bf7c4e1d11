"""A station on a test bench: it may do again and again what others may not."""

import pytest
from websockets.exceptions import InvalidStatus

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.admitted import admitted
from tests.integration.waiting import eventually

# By docs/operations.md: so many in a row, at each gateway.
AT_ONCE = 10


async def _connects(url: str) -> bool:
    """Connect and leave again; False where the station is told that it connects too often."""
    try:
        async with admitted(url):
            return True
    except InvalidStatus as refused:
        if refused.response.status_code != 429:
            raise
        return False


@pytest.fixture
def urls(run: RunState, station_id: str) -> list[str]:
    """The station's way to each gateway, past the balancer."""
    return [f"{gateway.ocpp_url}/{station_id}" for gateway in run.gateways]


async def test_an_exempt_station_connects_as_often_as_it_likes_at_every_gateway(
    operator: Operator, station_id: str, urls: list[str]
) -> None:
    new = {"station_id": station_id, "exempt_from_limits": True}
    (await operator.http.post("/stations", json=new)).raise_for_status()
    for url in urls:
        assert all([await _connects(url) for _ in range(3 * AT_ONCE)])
    assert (await operator.get(f"/stations/{station_id}"))["last_refusal"] is None


async def test_a_flapping_station_that_is_made_exempt_flaps_no_more_and_again_when_it_is_not(
    operator: Operator, station_id: str, urls: list[str]
) -> None:
    async def exempt(value: bool) -> None:
        answer = await operator.http.patch(
            f"/stations/{station_id}", json={"exempt_from_limits": value}
        )
        assert answer.json()["exempt_from_limits"] is value

    url, other = urls[:2]
    (await operator.http.post("/stations", json={"station_id": station_id})).raise_for_status()
    connects = [await _connects(url) for _ in range(AT_ONCE + 1)]
    # A slow run may have earned one more.
    while connects[-1]:
        connects.append(await _connects(url))
    assert connects.count(False) == 1
    await exempt(True)
    # Where it is not held, it is found out with the next connection that is let in.
    await eventually(lambda: _connects(url), bool, 30)
    for each in (url, other):
        assert all([await _connects(each) for _ in range(3 * AT_ONCE)])
    await exempt(False)
    connects = []
    while all(connects):
        connects.append(await _connects(url))
    assert len(connects) > AT_ONCE
