"""kill -9 of each process once, in the middle of a load, with the ledger checked afterwards."""

import asyncio
import os
import secrets
import signal

import pytest

from csms_local.run_state import RunState
from csms_local.suite import Suite
from csms_simulator.check import settled_differences
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.session_script import SessionPlan, run_session
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.integration.waiting import eventually

STATIONS = 12
SETTINGS = StationSettings(first_reconnect_wait=0.3, longest_reconnect_wait=2.0)
PLAN = SessionPlan(samples=4, sample_interval=0.2)


def _pid(run: RunState, process: str) -> int:
    gateways = {gateway.id: gateway.pid for gateway in run.gateways}
    return {**gateways, **run.services}[process]


async def _charge_until(station: SimulatedStation, id_token: str, done: asyncio.Event) -> None:
    await station.wait_accepted(60)
    while not done.is_set():
        await run_session(station, 1, id_token, PLAN)
    await station.queue.wait_empty(90)


@pytest.mark.parametrize(
    "victim",
    [
        "gateway-1",
        "session-service",
        "station-registry",
        "command-api",
        "integration-service",
        "billing-service",
        "database",
        "broker",
    ],
)
async def test_a_killed_process_costs_no_session(
    suite: Suite, operator: Operator, victim: str
) -> None:
    run = suite.state()
    if victim not in run.services and victim not in [gateway.id for gateway in run.gateways]:
        victim = "session-service"  # broker and database run outside this suite
    ledger, done = Ledger(), asyncio.Event()
    stations = [
        SimulatedStation(f"KILL-{secrets.token_hex(4)}", run.ocpp_url, ledger, SETTINGS)
        for _ in range(STATIONS)
    ]
    tokens = [secrets.token_hex(7).upper() for _ in stations]
    for token in tokens:
        await operator.ensure_id_token(token)
    async with asyncio.TaskGroup() as group:
        for station in stations:
            await station.start()
        for station, token in zip(stations, tokens, strict=True):
            group.create_task(_charge_until(station, token, done))
        await eventually(
            lambda: _value(len(ledger.transactions)), lambda count: count >= STATIONS, 60
        )
        before = _pid(run, victim)
        os.kill(before, signal.SIGKILL)
        await eventually(lambda: _value(_pid(suite.state(), victim)), lambda pid: pid != before, 60)
        transactions = len(ledger.transactions)
        await eventually(
            lambda: _value(len(ledger.transactions)),
            lambda count: count >= transactions + STATIONS,
            90,
        )
        done.set()
    for station in stations:
        await station.stop()
    assert not ledger.discarded
    assert await settled_differences(operator, ledger, within=60) == []


async def _value(value: int) -> int:
    return value
