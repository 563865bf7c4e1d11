"""Two replicas of session-service behind two gateways: one respects what the other has to store."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from csms_local.suite import Suite
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.integration.replicas import another
from tests.integration.third_party import now
from tests.integration.waiting import eventually

BY_HAND = StationSettings(automatic=False)
# So many that each replica gets some of the stops and some of the starts.
DRIVERS = 8
# Longer than a start of a busy token takes where nothing is waited for, and well within the
# second that it waits at most. The database counts it, so that a slow test makes it no longer.
_LOCKED = """
BEGIN;
SELECT FROM session.transaction WHERE id_token = ANY(ARRAY[{tokens}]) FOR UPDATE;
SELECT pg_sleep(0.35);
COMMIT
"""


@pytest.fixture
async def second_replica(suite: Suite) -> AsyncIterator[None]:
    """Another session-service beside that of the suite."""
    async with another("session-service", suite.home, suite.state()):
        yield


def _start(id_token: str) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": id_token, "meterStart": 1000, "timestamp": now()}


async def _is_locked(database: asyncpg.Connection, tokens: list[str]) -> bool:
    free = await database.fetch(
        "SELECT FROM session.transaction WHERE id_token = ANY($1) FOR UPDATE SKIP LOCKED", tokens
    )
    return not free


async def test_a_driver_who_stops_here_starts_there_whichever_replica_has_the_stop(
    suite: Suite, operator: Operator, second_replica: None
) -> None:
    here, there = (gateway.ocpp_url for gateway in suite.state().gateways)
    tokens = [secrets.token_hex(7).upper() for _ in range(DRIVERS)]
    for token in tokens:
        await operator.ensure_id_token(token)

    async with contextlib.AsyncExitStack() as stack:

        async def connected(url: str) -> SimulatedStation:
            name = f"MOVE-{secrets.token_hex(5)}"
            station = await stack.enter_async_context(SimulatedStation(name, url, settings=BY_HAND))
            await station.link.online.wait()
            await station.boot()
            return station

        async def move(left: SimulatedStation, answer: dict[str, Any], token: str) -> str:
            stop = {"meterStop": 1500, "timestamp": now(), "reason": "Local"}
            sent = {"transactionId": answer["transactionId"], **stop}
            assert await left.call("StopTransaction", sent) == {}
            answer = await elsewhere[token].call("StartTransaction", _start(token))
            return str(answer["idTagInfo"]["status"])

        stations = [await connected(here) for _ in tokens]
        elsewhere = {token: await connected(there) for token in tokens}
        started = [
            await station.call("StartTransaction", _start(token))
            for station, token in zip(stations, tokens, strict=True)
        ]
        assert {answer["idTagInfo"]["status"] for answer in started} == {"Accepted"}
        database = await stack.enter_async_context(_connected(suite))
        watch = await stack.enter_async_context(_connected(suite))
        locked = asyncio.create_task(
            database.execute(_LOCKED.format(tokens=",".join(f"'{token}'" for token in tokens)))
        )
        await eventually(lambda: _is_locked(watch, tokens), bool)
        moved = await asyncio.gather(*map(move, stations, started, tokens))
        await locked
    assert moved == ["Accepted"] * DRIVERS


@contextlib.asynccontextmanager
async def _connected(suite: Suite) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(suite.state().database_url)
    try:
        yield connection
    finally:
        await connection.close()
