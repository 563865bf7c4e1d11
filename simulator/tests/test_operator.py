"""Logging in to a suite that is not quite there."""

import httpx
import pytest

from csms_simulator.operator import Operator

AWAY = httpx.Response(503, headers={"Retry-After": "0"})
TOKEN = httpx.Response(200, json={"access_token": "t"})


def answering(*answers: httpx.Response) -> httpx.MockTransport:
    left = iter(answers)
    return httpx.MockTransport(lambda request: next(left))


async def test_a_suite_that_is_away_for_now_is_asked_again() -> None:
    transport = answering(AWAY, AWAY, TOKEN)
    async with Operator("http://suite", "admin", "password", transport) as operator:
        assert operator.authorization == "Bearer t"


async def test_a_wrong_password_is_told_at_once() -> None:
    operator = Operator("http://suite", "admin", "wrong", answering(httpx.Response(401), TOKEN))
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        await operator.__aenter__()
